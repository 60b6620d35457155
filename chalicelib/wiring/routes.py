"""The routes: registered from a listing, so that a module is imported with the first request to one of its routes."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.platform.whole import use_whole
from chalicelib.wiring.functions import MODULES as FUNCTIONS
from chalicelib.wiring.route_table import ROUTES

if TYPE_CHECKING:
    from chalice.app import Chalice

    from chalicelib.platform.auth import StoredKey
    from chalicelib.platform.http import Routes


def _platform() -> "Routes":
    from chalicelib.platform.api import routes

    return routes


def _organizations() -> "Routes":
    from chalicelib.catalog.api_organizations import routes

    return routes


def _keys() -> "Routes":
    from chalicelib.catalog.api_keys import routes

    return routes


def _settings() -> "Routes":
    from chalicelib.catalog.api_settings import routes

    return routes


def _meters() -> "Routes":
    from chalicelib.catalog.api_meters import routes

    return routes


def _plans() -> "Routes":
    from chalicelib.catalog.api_plans import routes

    return routes


def _events() -> "Routes":
    from chalicelib.usage.api_events import routes

    return routes


def _event_search() -> "Routes":
    from chalicelib.usage.api_event_search import routes

    return routes


def _usage() -> "Routes":
    from chalicelib.usage.api_usage import routes

    return routes


def _grants() -> "Routes":
    from chalicelib.credits.api_grants import routes

    return routes


def _holds() -> "Routes":
    from chalicelib.credits.api_holds import routes

    return routes


def _ledger() -> "Routes":
    from chalicelib.credits.api_ledger import routes

    return routes


def _balance() -> "Routes":
    from chalicelib.credits.api_balance import routes

    return routes


def _subscriptions() -> "Routes":
    from chalicelib.invoices.api_subscriptions import routes

    return routes


def _invoices() -> "Routes":
    from chalicelib.invoices.api_invoices import routes

    return routes


def _invoice_actions() -> "Routes":
    from chalicelib.invoices.api_invoice_actions import routes

    return routes


def _documents() -> "Routes":
    from chalicelib.invoices.api_documents import routes

    return routes


def _authorize() -> "Routes":
    from chalicelib.invoices.api_authorize import routes

    return routes


def _health() -> "Routes":
    from chalicelib.invoices.api_health import routes

    return routes


def _console() -> "Routes":
    from chalicelib.console.api_console import routes

    return routes


MODULES: Mapping[str, Callable[[], "Routes"]] = {
    "platform.api": _platform,
    "catalog.api_organizations": _organizations,
    "catalog.api_keys": _keys,
    "catalog.api_settings": _settings,
    "catalog.api_meters": _meters,
    "catalog.api_plans": _plans,
    "usage.api_events": _events,
    "usage.api_event_search": _event_search,
    "usage.api_usage": _usage,
    "credits.api_grants": _grants,
    "credits.api_holds": _holds,
    "credits.api_ledger": _ledger,
    "credits.api_balance": _balance,
    "invoices.api_subscriptions": _subscriptions,
    "invoices.api_invoices": _invoices,
    "invoices.api_invoice_actions": _invoice_actions,
    "invoices.api_documents": _documents,
    "invoices.api_authorize": _authorize,
    "invoices.api_health": _health,
    "console.api_console": _console,
}


def serve_http(app: "Chalice") -> None:
    """Register every listed route, and the source of keys."""
    from chalicelib.platform import auth
    from chalicelib.platform.late_routes import serve_late

    auth.use_key_source(_find_key)
    serve_late(app, ROUTES, lambda module: MODULES[module]())


def _find_key(key_id: str) -> "StoredKey | None":
    from chalicelib.catalog.store import find_key

    return find_key(key_id)


def import_all() -> None:
    """Import every module with a route or a function."""
    modules: list[Callable[[], Any]] = [*MODULES.values(), *FUNCTIONS.values()]
    for module in modules:
        module()


use_whole(import_all)
