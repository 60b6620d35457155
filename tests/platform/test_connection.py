"""The one connection: what it does once."""

import gc
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.platform import connection
from chalicelib.platform.connection import SharedConnection
from chalicelib.platform.settings import settings


@pytest.mark.parametrize(("is_lambda", "times"), [(True, 1), (False, 0)])
def test_what_is_loaded_is_searched_for_garbage_no_more_on_lambda_alone(
    monkeypatch: pytest.MonkeyPatch, is_lambda: bool, times: int
) -> None:
    frozen: list[Any] = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(None))
    monkeypatch.setattr(connection, "settings", replace(settings, is_lambda=is_lambda))
    made = SharedConnection()
    assert made.client is made.client
    assert len(frozen) == times
