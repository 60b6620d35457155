"""What is counted on Lambda, for tests that do not run there."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from chalicelib.platform import logging
from chalicelib.platform.settings import settings

Counted = Callable[[], dict[str, int]]


@contextmanager
def counting() -> Iterator[Counted]:
    """Count as on Lambda; gives a function that takes what was counted since it was last asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging, "settings", replace(settings, is_lambda=True))
        patch.setattr(logging, "_counted", logging._Counted())
        yield lambda: {metric.value: value for metric, value in logging._counted.take().items()}
