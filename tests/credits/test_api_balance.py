"""What credit comes to while drafts draw it, what lies ahead, what was paid and what is pending: over HTTP."""

from typing import Any

import pytest

from chalicelib.credits import service
from chalicelib.credits.wallet import draw
from chalicelib.platform.writes import commit
from chalicelib.shared.clock import Clock
from chalicelib.shared.errors import InvalidInput, NotFound
from tests.catalog.problems import code_of, faults_of
from tests.client import ApiClient
from tests.credits.build import JANUARY, at, movement
from tests.credits.claiming import SaidClaims, claim

CREDITS = "/v1/organizations/acme/credits"
PATHS = ("", "/schedule", "/usage", "/ledger?include_pending=true")


@pytest.fixture
def acme(client: ApiClient) -> ApiClient:
    client.post("/v1/organizations", {"id": "acme", "name": "Acme", "timezone": "Europe/Berlin"})
    return client


def make(client: ApiClient, amount: str = "15.00", **more: Any) -> str:
    made = client.post(f"{CREDITS}/grants", {"name": "Start", "amount": amount, **more})
    assert made.status_code == 201, made.body
    return str(made.json_body["id"])


def consume(grant: str, cents: int) -> None:
    before = service.read_wallet("acme", currency="USD", now=JANUARY)
    drawn = draw(before, [movement(grant, cents, invoice="inv_0")], recorded_at=at("01-15T11:00"))
    commit(service.wallet_writes(before, drawn))


def rows(client: ApiClient, path: str, **query: Any) -> list[Any]:
    """Read a list whole; in pages of one and of two it must come to the same."""
    whole = client.get(CREDITS + path, **query)
    assert whole.status_code == 200, whole.body
    assert whole.json_body["next_cursor"] is None
    found: list[Any] = whole.json_body["data"]
    for limit in (1, 2):
        assert paged(client, path, limit, most=len(found), **query) == found
    return found


def paged(client: ApiClient, path: str, limit: int, *, most: int, **query: Any) -> list[Any]:
    found: list[Any] = []
    cursor: dict[str, str] = {}
    while len(found) <= most:
        page = client.get(CREDITS + path, limit=limit, **query, **cursor).json_body
        assert len(page["data"]) <= limit
        found += page["data"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    return found


def test_what_drafts_draw_is_pending_and_does_not_remain(acme: ApiClient, said: SaidClaims) -> None:
    soon = make(acme, expires_at="2026-02-01T00:00:00Z")
    consume(soon, 250)
    said.drawn = [claim("01-14", 300, grant=soon), claim("01-15", 100, grant=soon)]
    shown = acme.get(CREDITS).json_body
    # 15.00 - 2.50 - 4.00 = 8.50.
    assert (shown["allocated"], shown["consumed"], shown["pending"], shown["remaining"]) == (
        *("15.00", "2.50"),
        *("4.00", "8.50"),
    )
    assert (shown["ledger_balance"], shown["unbooked"]) == ("12.50", "0.00")
    assert shown["expiring_soon"] == [{"grant": soon, "amount": "8.50", "expires_at": "2026-02-01T00:00:00Z"}]


def test_credit_depletes_at_the_pace_of_the_last_seven_full_days(acme: ApiClient, said: SaidClaims) -> None:
    grant = make(acme)
    consume(grant, 400)
    # Of 8 to 14 January: 4.00 finalized and 3.00 pending. Neither the 7th nor today, the 15th, counts.
    said.paid = [claim(day, 200, grant=grant, invoice="inv_0") for day in ("01-07", "01-08", "01-14", "01-15")]
    said.drawn = [claim(day, 300, grant=grant) for day in ("01-07", "01-10", "01-15")]
    shown = acme.get(CREDITS).json_body
    # 15.00 - 4.00 - 9.00 = 2.00 at 7.00 in 7 days: two days.
    assert (shown["remaining"], shown["depletes_on"]) == ("2.00", "2026-01-17")
    assert said.asked == [("2026-01-08", "2026-01-15")]


def test_what_was_finalized_alone_makes_a_pace(acme: ApiClient, said: SaidClaims) -> None:
    grant = make(acme)
    consume(grant, 100)
    said.paid = [claim("01-14", 100, grant=grant, invoice="inv_0")]
    # 14.00 at 1.00 in 7 days: 98 days.
    assert acme.get(CREDITS).json_body["depletes_on"] == "2026-04-23"


def test_a_day_of_the_pace_is_one_of_the_organization(acme: ApiClient, said: SaidClaims, clock: Clock) -> None:
    said.drawn = [claim("01-15", 100, grant=make(acme))]
    clock.set(at("01-15T22:59:59"))
    assert acme.get(CREDITS).json_body["depletes_on"] is None
    clock.set(at("01-15T23:00"))  # the 16th in Berlin
    # 14.00 remain at 1.00 in 7 days: 98 days from the 16th.
    assert acme.get(CREDITS).json_body["depletes_on"] == "2026-04-24"


def test_what_was_never_drawn_and_what_is_used_up_never_depletes(acme: ApiClient, said: SaidClaims) -> None:
    said.paid = [claim("01-10", 200, invoice="inv_0")]
    assert acme.get(CREDITS).json_body["depletes_on"] is None
    grant = make(acme)
    assert acme.get(CREDITS).json_body["depletes_on"] is None
    said.drawn = [claim("01-10", 1500, grant=grant)]
    assert acme.get(CREDITS).json_body["depletes_on"] is None
    # No invoice had to be read for that.
    assert said.asked == []
    said.drawn = [claim("01-10", 1499, grant=grant)]
    assert acme.get(CREDITS).json_body["depletes_on"] == "2026-01-15"
    said.drawn, said.paid = [claim("01-10", -200, grant=grant)], []
    assert acme.get(CREDITS).json_body["depletes_on"] is None


def test_the_direct_function_answers_what_the_route_does(acme: ApiClient, said: SaidClaims) -> None:
    grant = make(acme)
    said.drawn = [claim("01-10", 400, grant=grant)]
    shown = acme.invoke("credit_balance", {"organization": "acme"})
    assert shown == acme.get(CREDITS).json_body
    assert shown["pending"] == "4.00"


@pytest.mark.parametrize("payload", [None, [], {}, {"organization": "A b"}, {"organization": "acme", "x": 1}])
def test_the_direct_function_refuses_any_other_payload(acme: ApiClient, payload: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        acme.invoke("credit_balance", payload)
    assert refused.value.faults


def test_the_direct_function_does_not_know_an_unknown_organization(acme: ApiClient) -> None:
    with pytest.raises(NotFound):
        acme.invoke("credit_balance", {"organization": "nobody"})


def test_the_schedule_lists_what_lies_ahead(acme: ApiClient, said: SaidClaims) -> None:
    one = make(acme, expires_at="2026-02-01T00:00:00Z")
    later = make(acme, "3.00", effective_at="2026-02-01T00:00:00Z", expires_at="2026-03-01T00:00:00Z")
    monthly = make(acme, "5.00", recurrence={"every": "month", "count": 2})
    said.drawn = [claim("01-15", 400, grant=one)]
    assert [tuple(each.values()) for each in rows(acme, "/schedule")] == [
        ("2026-02-01T00:00:00Z", "expires", one, "11.00"),
        ("2026-02-01T00:00:00Z", "effective", later, "3.00"),
        ("2026-02-15T12:00:00Z", "expires", monthly, "5.00"),
        ("2026-02-15T12:00:00Z", "recurs", f"{monthly}.1", "5.00"),
        ("2026-03-01T00:00:00Z", "expires", later, "3.00"),
    ]
    assert list(rows(acme, "/schedule")[0]) == ["at", "kind", "grant", "amount"]


def test_without_anything_ahead_drawn_or_booked_lists_are_empty(acme: ApiClient) -> None:
    for path in ("/schedule", "/usage"):
        assert acme.get(CREDITS + path).json_body == {"data": [], "next_cursor": None}
    assert acme.get(f"{CREDITS}/ledger", include_pending="true").json_body == {"data": [], "next_cursor": None}


def test_usage_lists_what_each_grant_paid_by_day_and_charge(acme: ApiClient, said: SaidClaims) -> None:
    said.paid = [
        *(claim("01-05", 700, invoice="inv_0"), claim("01-05", -50, invoice="inv_0")),
        claim("01-06", 30, invoice="inv_0", charge=None),
    ]
    said.drawn = [claim("01-14", 400), claim("01-05", 12), claim("01-06", 5, charge="seats", grant="gr_b")]
    found = rows(acme, "/usage")
    assert list(found[0]) == ["day", "charge", "grant", "amount", "pending"]
    assert [tuple(each.values()) for each in found] == [
        ("2026-01-14", "tokens", "gr_a", "4.00", True),
        ("2026-01-06", "seats", "gr_b", "0.05", True),
        ("2026-01-06", None, "gr_a", "0.30", False),
        ("2026-01-05", "tokens", "gr_a", "6.50", False),
        ("2026-01-05", "tokens", "gr_a", "0.12", True),
    ]


@pytest.mark.parametrize(
    ("query", "days"),
    [
        # Noon in UTC is 13:00 of the 15th in Berlin: 30 days with today begin on 17 December.
        ({}, ("2025-12-17", "2026-01-16")),
        ({"from_": "2026-01-10"}, ("2026-01-10", "2026-01-16")),
        ({"to": "2026-01-10"}, ("2025-12-11", "2026-01-10")),
        ({"from_": "2026-01-10", "to": "2026-01-11"}, ("2026-01-10", "2026-01-11")),
        # Midnight in Berlin is 23:00 in UTC: an instant means the day that holds it.
        ({"from_": "2026-01-09T23:00:00Z", "to": "2026-01-10T23:00:00Z"}, ("2026-01-10", "2026-01-11")),
        ({"from_": "2026-01-09T22:59:59Z", "to": "2026-01-10T23:00:00.000001Z"}, ("2026-01-09", "2026-01-12")),
        ({"from_": "2025-01-15", "to": "2026-01-16"}, ("2025-01-15", "2026-01-16")),
    ],
)
def test_a_range_of_usage_is_one_of_local_days(
    acme: ApiClient,
    said: SaidClaims,
    query: dict[str, str],
    days: tuple[str, str],
) -> None:
    assert acme.get(f"{CREDITS}/usage", **query).status_code == 200
    assert said.asked == [days]


def test_usage_outside_of_the_range_is_not_listed(acme: ApiClient, said: SaidClaims) -> None:
    said.drawn = [claim(day, 1) for day in ("01-09", "01-10", "01-11", "01-12")]
    found = rows(acme, "/usage", from_="2026-01-10", to="2026-01-12")
    assert [each["day"] for each in found] == ["2026-01-11", "2026-01-10"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"from_": "2026-01-10", "to": "2026-01-10"}, "/query/to"),
        ({"from_": "2026-01-10T12:00:00Z", "to": "2026-01-10T11:00:00Z"}, "/query/to"),
        ({"from_": "2026-01-16"}, "/query/to"),
        ({"from_": "2025-01-14", "to": "2026-01-16"}, "/query/from"),
        ({"from_": "yesterday"}, "/query/from"),
        ({"limit": "0"}, "/query/limit"),
        ({"charge": "tokens"}, "/query/charge"),
    ],
)
def test_a_wrong_range_of_usage_is_refused(acme: ApiClient, query: dict[str, str], pointer: str) -> None:
    assert faults_of(acme.get(f"{CREDITS}/usage", **query)) == {pointer}


def test_more_than_366_days_of_usage_are_too_many(acme: ApiClient) -> None:
    assert code_of(acme.get(f"{CREDITS}/usage", from_="2025-01-14", to="2026-01-16")) == "range-too-large"


def test_pending_entries_come_before_those_of_the_ledger(acme: ApiClient, said: SaidClaims) -> None:
    grant = make(acme, effective_at="2026-01-01T00:00:00Z")
    other = make(acme, "5.00")
    said.drawn = [
        *(claim("01-12", 30, grant=grant), claim("01-05", 120, grant=grant)),
        *(claim("01-04", -45, grant=other), claim("01-15", 7, grant=grant, invoice="inv_2")),
    ]
    found = rows(acme, "/ledger", include_pending="true")
    assert found[0] == {
        "seq": None,
        "kind": "drawdown",
        "grant": grant,
        "amount": "-1.50",
        "balance": None,
        "effective_at": "2026-01-04T23:00:00Z",
        "recorded_at": None,
        "invoice": "inv_1",
        "note": None,
        "by_day": {"2026-01-05": "1.20", "2026-01-12": "0.30"},
        "hash": None,
        "previous_hash": None,
        "pending": True,
    }
    assert [(each["invoice"], each["kind"], each["amount"], each["seq"], each["pending"]) for each in found[1:]] == [
        ("inv_1", "reversal", "0.45", None, True),
        ("inv_2", "drawdown", "-0.07", None, True),
        (None, "grant", "5.00", 2, False),
        (None, "grant", "15.00", 1, False),
    ]
    assert found[1]["effective_at"] == "2026-01-15T12:00:00Z"
    assert [each["seq"] for each in rows(acme, "/ledger")] == [2, 1]
    assert [each["seq"] for each in rows(acme, "/ledger", include_pending="false")] == [2, 1]


@pytest.mark.parametrize(
    ("query", "seqs"),
    [
        # It is noon; the entry was recorded at noon, too.
        ({"from_": "2026-01-15"}, [None, 1]),
        ({"from_": "2026-01-15T12:00:00Z"}, [None, 1]),
        ({"from_": "2026-01-15T12:00:00.000001Z"}, []),
        ({"to": "2026-01-15T12:00:00Z"}, []),
        ({"to": "2026-01-15T12:00:00.000001Z"}, [None, 1]),
    ],
)
def test_pending_entries_are_shown_where_the_range_holds_the_present(
    acme: ApiClient,
    said: SaidClaims,
    query: dict[str, str],
    seqs: list[int | None],
) -> None:
    said.drawn = [claim("01-15", 30, grant=make(acme))]
    assert [each["seq"] for each in rows(acme, "/ledger", include_pending="true", **query)] == seqs


def test_a_draft_that_is_finalized_between_two_pages_is_passed_over(acme: ApiClient, said: SaidClaims) -> None:
    grant = make(acme)
    said.drawn = [claim("01-15", 30, grant=grant), claim("01-15", 40, grant=grant, invoice="inv_2")]
    page = acme.get(f"{CREDITS}/ledger", include_pending="true", limit=1).json_body
    said.drawn = []
    rest = acme.get(f"{CREDITS}/ledger", include_pending="true", limit=1, cursor=page["next_cursor"]).json_body
    assert ([each["seq"] for each in rest["data"]], rest["next_cursor"]) == ([1], None)


@pytest.mark.parametrize("path", ["/schedule", "/usage", "/ledger"])
def test_a_cursor_of_another_list_does_not_open(acme: ApiClient, said: SaidClaims, path: str) -> None:
    grant = make(acme, expires_at="2026-02-01T00:00:00Z")
    make(acme, expires_at="2026-02-01T00:00:00Z")
    said.drawn = [claim("01-14", 1, grant=grant), claim("01-15", 1, grant=grant)]
    cursor = acme.get(CREDITS + path, limit=1).json_body["next_cursor"]
    assert acme.get(CREDITS + path, limit=1, cursor=cursor).status_code == 200
    for other in {"/schedule", "/usage", "/ledger"} - {path}:
        assert code_of(acme.get(CREDITS + other, limit=1, cursor=cursor)) == "invalid-cursor"
    assert code_of(acme.get(CREDITS + path, limit=1, cursor=f"x{cursor}")) == "invalid-cursor"


def test_lists_are_in_the_currency_of_the_organization(client: ApiClient, said: SaidClaims) -> None:
    client.post("/v1/organizations", {"id": "acme", "name": "Acme", "currency": "JPY"})
    grant = make(client, "1500", expires_at="2026-02-01T00:00:00Z")
    said.drawn = [claim("01-14", 300, grant=grant)]
    assert client.get(CREDITS).json_body["pending"] == "300"
    [expiring] = client.get(f"{CREDITS}/schedule").json_body["data"]
    [paid] = client.get(f"{CREDITS}/usage").json_body["data"]
    pending = client.get(f"{CREDITS}/ledger", include_pending="true").json_body["data"][0]
    assert (expiring["amount"], paid["amount"], pending["amount"]) == ("1200", "300", "-300")
    assert pending["by_day"] == {"2026-01-14": "300"}


@pytest.mark.parametrize("path", PATHS)
def test_an_organization_that_does_not_exist_has_nothing_to_read(client: ApiClient, path: str) -> None:
    assert code_of(client.get(CREDITS + path)) == "not-found"


@pytest.mark.parametrize("path", PATHS)
def test_whoever_is_bound_to_the_organization_reads_all_of_it(acme: ApiClient, path: str) -> None:
    link = acme.post("/v1/organizations/acme/portal-links").json_body["url"]
    portal = acme.as_holder_of(link.partition("#token=")[2])
    reader, sender = (acme.as_holder_of(acme.make_key(role, "acme")) for role in ("read", "ingest"))
    acme.post("/v1/organizations", {"id": "other", "name": "Other"})
    stranger = acme.as_holder_of(acme.make_key("read", "other"))
    assert portal.get(CREDITS + path).status_code == reader.get(CREDITS + path).status_code == 200
    assert sender.get(CREDITS + path).status_code == 403
    assert code_of(stranger.get(CREDITS + path)) == "not-found"
