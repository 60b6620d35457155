import base64
from typing import Any

import pytest

from chalicelib.platform.http import READ
from chalicelib.platform.paging import ListScope, open_cursor, seal_cursor
from chalicelib.platform.reads import write_batch
from chalicelib.shared.errors import InvalidCursor
from tests.platform.shop import Shop
from tests.platform.stored import Box

BOXES = "/v1/organizations/acme/boxes"
SCOPE = ListScope("GET /v1/things", "acme", (("type", ("a", "b")),))


@pytest.mark.parametrize("position", [{"pk": {"S": "a"}, "sk": {"S": "ü/#"}}, [1, "x", None], "", 7, {}])
def test_a_position_comes_back(position: Any) -> None:
    cursor = seal_cursor(SCOPE, position)
    assert open_cursor(SCOPE, cursor) == position
    assert cursor.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "other",
    [
        ListScope("GET /v1/others", "acme", SCOPE.filters),
        ListScope("GET /v1/things", "other", SCOPE.filters),
        ListScope("GET /v1/things", None, SCOPE.filters),
        ListScope("GET /v1/things", "acme", ()),
        ListScope("GET /v1/things", "acme", (("type", ("b", "a")),)),
        ListScope("GET /v1/things", "acme", (("type", ("a",)), ("type", ("b",)))),
    ],
)
def test_a_cursor_of_another_list_does_not_open(other: ListScope) -> None:
    with pytest.raises(InvalidCursor):
        open_cursor(other, seal_cursor(SCOPE, "x"))


def test_no_single_changed_character_opens() -> None:
    cursor = seal_cursor(SCOPE, {"pk": {"S": "acme"}})
    for place in range(len(cursor)):
        for char in "A-z9":
            changed = cursor[:place] + char + cursor[place + 1 :]
            if changed != cursor:
                with pytest.raises(InvalidCursor):
                    open_cursor(SCOPE, changed)


@pytest.mark.parametrize("cursor", ["", "x", "=", "ä", "a" * 5000, "\x00", "....", base64.urlsafe_b64encode(b"0" * 40)])
def test_what_is_no_cursor_does_not_open(cursor: Any) -> None:
    with pytest.raises(InvalidCursor):
        open_cursor(SCOPE, cursor if isinstance(cursor, str) else cursor.decode())


def test_pages_of_a_route_follow_each_other(shop: Shop) -> None:
    write_batch([Box("acme", f"{number:02}") for number in range(5)])
    one = shop("GET", f"{BOXES}?limit=3&state=new").json
    other = shop("GET", f"{BOXES}?limit=2&state=new&cursor={one['next_cursor']}").json
    assert [box["key"] for box in one["data"] + other["data"]] == ["00", "01", "02", "03", "04"]
    assert other["next_cursor"] is None


def test_a_route_refuses_foreign_cursors(shop: Shop) -> None:
    write_batch([Box(organization, f"{number:02}") for number in range(5) for organization in ("acme", "other")])
    cursor = shop("GET", f"{BOXES}?limit=3").json["next_cursor"]
    for target in (
        f"{BOXES}?state=new&cursor={cursor}",
        f"/v1/organizations/other/boxes?cursor={cursor}",
        f"{BOXES}?filter[a]=b&cursor={cursor}",
        f"{BOXES}?cursor={cursor}x",
        f"{BOXES}?cursor=",
        f"{BOXES}?cursor={'x' * 3999}",
    ):
        sent = shop("GET", target)
        assert (sent.status, sent.code) == (400, "invalid-cursor"), target
    assert shop("GET", f"{BOXES}?cursor={cursor}", key=shop.key(READ)).status == 200
