"""Routes that are registered before their module is imported: from rows that repeat what its decorators say."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple

from chalice.app import Chalice, Response

from chalicelib.platform.http import Routes, RouteSpec
from chalicelib.platform.wrapper import chalice_view, failed_import, serve

# Module, method, path, name, content types.
Row = tuple[str, str, str, str, tuple[str, ...]]


class LateRoute(NamedTuple):
    """A route as Chalice has to know it; ``module`` is where it is declared."""

    module: str
    method: str
    path: str
    name: str
    content_types: tuple[str, ...]


def serve_late(app: Chalice, rows: Iterable[Row], routes_of: Callable[[str], Routes]) -> None:
    """Register routes by their rows; ``routes_of`` imports the routes of a module, at the first request to one."""
    serve(app)
    for row in rows:
        route = LateRoute(*row)
        types = list(route.content_types)
        declare = app.route(route.path, methods=[route.method], name=route.name, content_types=types)
        declare(_late_view(route, routes_of))


def _late_view(route: LateRoute, routes_of: Callable[[str], Routes]) -> Callable[..., Response]:
    @cache
    def declared() -> Callable[..., Response]:
        return chalice_view(_find(routes_of(route.module), route))

    def view(**path: str) -> Response:
        try:
            found = declared()
        except Exception as fault:  # noqa: BLE001 - Chalice would answer it without a word of what it was
            return failed_import(fault, method=route.method, path=route.path)
        return found(**path)

    view.__name__ = route.name
    return view


def _find(routes: Routes, route: LateRoute) -> RouteSpec:
    return next(spec for spec in routes.specs if (spec.method, spec.path) == (route.method, route.path))
