"""What stories stand on."""

import pytest

from chalicelib.shared.clock import Clock
from tests.client import ApiClient
from tests.stories.story import Play, Story


@pytest.fixture
def play(client: ApiClient, clock: Clock) -> Play:
    """Give what plays a story through the public API."""
    return Story(client, clock).play
