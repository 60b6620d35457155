"""Why nothing was packaged, in words for whoever asked for it."""


class Unpackaged(Exception):
    """The package cannot be made, or would not be what it must be."""
