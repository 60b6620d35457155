"""Sort ids rise as they are made, whatever the clock does."""

import re
from itertools import pairwise

from chalicelib.shared.ids import SortIds, new_id

NS_2026 = 1_767_225_600_000_000_000


def test_sort_ids_rise_while_the_clock_stands_still() -> None:
    ids = SortIds()
    made = [ids.next(NS_2026) for _ in range(1000)]
    assert all(earlier < later for earlier, later in pairwise(made))


def test_sort_ids_rise_while_the_clock_goes_back() -> None:
    ids = SortIds()
    made = [ids.next(NS_2026 - step * 1_000_000) for step in range(1000)]
    assert all(earlier < later for earlier, later in pairwise(made))


def test_sort_ids_of_two_processes_sort_by_the_clock() -> None:
    assert SortIds().next(NS_2026) < SortIds().next(NS_2026 + 1)
    assert SortIds().next(10**9) < SortIds().next(NS_2026) < SortIds().next(2**63)


def test_sort_id_is_above_the_one_it_must_follow() -> None:
    ahead = SortIds().next(NS_2026 + 10**12)
    ids = SortIds()
    following = ids.next(NS_2026, above=ahead)
    assert ahead < following < ids.next(NS_2026)


def test_sort_id_follows_a_lower_one_by_the_clock_alone() -> None:
    behind = SortIds().next(NS_2026 - 10**12)
    assert SortIds().next(NS_2026, above=behind)[:13] == SortIds().next(NS_2026)[:13]


def test_new_ids_have_their_prefix_and_never_repeat() -> None:
    made = {new_id("key") for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"key_[0-9a-hjkmnp-tv-z]{20}", one) for one in made)
