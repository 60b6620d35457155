"""The console over HTTP: its page and its files. They hold nothing secret, so they need no credential."""

from pydantic import BaseModel, ConfigDict

from chalicelib.console import assets_store
from chalicelib.console.assets import TYPES
from chalicelib.console.shell import content_security_policy
from chalicelib.platform.http import Answer, Request, Routes
from chalicelib.platform.settings import settings
from chalicelib.shared.errors import NotFound

HTML = "text/html"
_TEXT = {"type": "string"}
# The name of an asset changes with its content.
_FOR_GOOD = "public, max-age=31536000, immutable"

routes = Routes("console")


class Place(BaseModel):
    """Where in the console: tab, range, selection. Its own script reads that, so the server takes whatever comes."""

    model_config = ConfigDict(extra="ignore", frozen=True)


@routes.get("/console", scope="public", query=Place, answers={200: None}, also={HTML: _TEXT})
def read_console(request: Request) -> Answer:
    """Show the page for people: usage, invoices and credits. It asks this API, with the reader's own credential."""
    del request
    headers = {
        "Content-Type": f"{HTML}; charset=utf-8",
        "Cache-Control": "no-cache",
        "Content-Security-Policy": content_security_policy(settings.frame_ancestors),
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    return Answer(assets_store.shell(), headers=headers, media_type=HTML)


@routes.get(
    "/console/assets/{name}",
    scope="public",
    answers={200: None},
    also=dict.fromkeys(TYPES.values(), _TEXT),
    problems=("not-found",),
)
def read_asset(request: Request) -> Answer:
    """Give a file of the console by the name that holds the hash of its content."""
    asset = assets_store.assets().get(request.path["name"])
    if asset is None:
        raise NotFound("There is no such file. A page that was opened before an update must be opened again.")
    headers = {"Content-Type": f"{asset.media_type}; charset=utf-8", "Cache-Control": _FOR_GOOD}
    return Answer(asset.text, headers=headers, media_type=asset.media_type)
