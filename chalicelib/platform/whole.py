"""The application as a whole, for whoever lists all its routes or tables: modules are imported when they are needed."""

from collections.abc import Callable

_imports: list[Callable[[], None]] = []


def use_whole(import_all: Callable[[], None]) -> None:
    """Name the function that imports every module of the application."""
    _imports[:] = [import_all]


def import_whole() -> None:
    """Import every module of the application, when it is one that says how."""
    for import_all in _imports:
        import_all()
