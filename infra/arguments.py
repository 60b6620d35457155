"""What several commands take: names of stages, instants, parameters. A value that is wrong is refused at once."""

import argparse
import re
from datetime import datetime

from chalicelib.shared.time import parse_instant

__all__ = ["instant", "parameter", "stage_name"]

# What carries it and may have the fewest characters is a rule of X-Ray: meterfold-STAGE-requests, of at most 32.
_STAGE = re.compile(r"[a-z][a-z0-9-]{0,11}[a-z0-9]|[a-z]")


def stage_name(text: str) -> str:
    """Read the name of a stage: 1 to 13 small letters, digits and hyphens, as all names in AWS can carry it."""
    if not _STAGE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text}: a stage has 1 to 13 of a-z, 0-9 and -, and begins with a letter")
    return text


def instant(text: str) -> datetime:
    """Read an instant such as ``2026-01-31T09:59:00Z``."""
    try:
        return parse_instant(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(f"{text}: {fault}") from None


def parameter(text: str) -> tuple[str, str]:
    """Read ``NAME=VALUE``."""
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError(f"{text}: must be NAME=VALUE")
    return name, value
