"""What stories stand on."""

import pytest

from chalicelib.platform import together
from chalicelib.shared.clock import Clock
from tests.client import ApiClient
from tests.stories.story import Play, Story


@pytest.fixture
def play(client: ApiClient, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Give what plays a story through the public API.

    Reads side by side come one after the other: a story makes thousands, and to start a thread for each took a fifth
    of its time. All other tests of the API read in threads.
    """
    monkeypatch.setattr(together, "run_all", together.in_turn)
    return Story(client, clock).play
