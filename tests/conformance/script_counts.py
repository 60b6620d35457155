"""How many random scripts are played: a few with every test run, thousands by ``make conformance``."""

import os
from collections.abc import Sequence

# Nine of ten are calls to DynamoDB, the tenth a life of the whole app.
_SCRIPTS = int(os.environ.get("METERFOLD_SCRIPTS", "30"))
_A_BLOCK = 20
LIVES = _SCRIPTS // 10
CALLS = _SCRIPTS - LIVES


def blocks(count: int, size: int = _A_BLOCK) -> Sequence[range]:
    """Cut seeds into blocks: each is one test, so that every core takes some."""
    return [range(start, min(start + size, count)) for start in range(0, count, size)]
