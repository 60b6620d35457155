"""The command ``serve``: opens the data, wires the app to the embedded store, and serves until it is told to stop.

The line printed when it is ready is the only thing on standard output; everything else goes to standard error.
"""

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import quote

from chalicelib.shared.clock import clock
from local.engine import EmbeddedDynamo, use_no_aws_account
from local.first_run import Operator, prepare
from local.gateway import Gateway
from local.home import Home
from local.jobs import Jobs
from local.mirror import FolderInUse
from local.server import LocalServer, listen

if TYPE_CHECKING:
    from local.demo_traffic import Traffic

logger = logging.getLogger("local")

SHOWN_CUSTOMER = "acme-ai"
_A_DAY_S = 86_400
STOPPED, FAILED, BAD_USE = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """One call of ``serve``; ``folder`` is ``None`` for data that is kept in memory only.

    ``traffic`` is whether a demo goes on by itself while it is served.
    """

    host: str
    port: int
    folder: Path | None
    demo: bool = False
    clock: datetime | None = None
    admin_key: str | None = None
    traffic: bool = True


def prepare_environment(signing_secret: str, public_url: str) -> None:
    """Say what a deployment would say by its environment; before the app is imported."""
    use_no_aws_account()
    os.environ.update(
        METERFOLD_STAGE="local",
        METERFOLD_SIGNING_SECRET=signing_secret,
        METERFOLD_PUBLIC_URL=public_url,
    )
    os.environ.setdefault("METERFOLD_LOG_LEVEL", "WARNING")


@contextmanager
def embedded_app(folder: Path | None) -> Iterator[Any]:
    """Import the app, wired to an engine that keeps its data in a folder, or nowhere."""
    with EmbeddedDynamo(folder) as engine:
        import app
        from chalicelib.platform import tables

        engine.attach(tables.client())
        tables.create_tables()
        try:
            yield app.app
        finally:
            engine.detach(tables.client())


def serve(options: ServeOptions) -> int:
    """Serve until SIGINT or SIGTERM; gives the exit code."""
    ready_line = _keep_stdout_for_the_ready_line()
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(message)s", level=logging.WARNING)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        _serve_until(stop, options, ready_line)
    except FolderInUse as error:
        print(error, file=sys.stderr)
        return BAD_USE
    except OSError as error:
        print(f"{options.host}:{options.port} cannot be served: {error.strerror or error}.", file=sys.stderr)
        return FAILED
    return STOPPED


def _serve_until(stop: threading.Event, options: ServeOptions, ready_line: TextIO) -> None:
    home = Home(options.folder)
    listener = listen(options.host, options.port)
    prepare_environment(home.signing_secret(), listener.url)
    clock.set(options.clock)
    with embedded_app(home.folder) as app:
        key = prepare(app, home)
        operator = Operator(Gateway(app), key)
        traffic = _live_demo(app, operator, home) if options.demo else None
        shown = options.admin_key or key
        server = LocalServer(app, listener, aliases={shown: key} if shown != key else {})
        server.start()
        console_url = f"{server.url}/console#key={quote(shown, safe='')}"
        ready = {"url": server.url, "console_url": console_url, "admin_key": shown}
        print(json.dumps(ready), file=ready_line, flush=True)
        if options.demo:
            _show_the_way_in(operator, console_url)
        if traffic is not None and options.traffic:
            traffic.start()
        stop.wait()
        if traffic is not None:
            traffic.stop()
        server.stop()


def _live_demo(app: Any, operator: Operator, home: Home) -> "Traffic | None":
    """Bring the demo up to now; gives what goes on with it, and nothing where the folder has an older one."""
    from local.demo_history import bring_up_to_date
    from local.demo_progress import Progress
    from local.demo_traffic import Traffic

    progress = Progress(home)
    if progress.is_of_another_edition:
        logger.warning("the demo data in %s is of another edition and stays as it is", home.folder)
        return None
    bring_up_to_date(operator, Jobs(app), progress)
    return Traffic(operator, progress)


def _show_the_way_in(operator: Operator, console_url: str) -> None:
    """Tell a person where the console opens: for whoever sells, and for a customer of the demo."""
    path = f"/v1/organizations/{SHOWN_CUSTOMER}/portal-links"
    link = operator.require("POST", path, {"expires_in": _A_DAY_S, "name": "Demo"})
    print(f"Console, as the operator: {console_url}", file=sys.stderr)
    print(f"Console, as {SHOWN_CUSTOMER} sees it for 24 hours: {link['url']}", file=sys.stderr, flush=True)


def _keep_stdout_for_the_ready_line() -> TextIO:
    """Let whatever the app prints (logs, metrics) go to standard error."""
    kept = sys.stdout
    sys.stdout = sys.stderr
    return kept
