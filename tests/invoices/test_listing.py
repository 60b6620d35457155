"""Lists of invoices: drafts on top, filters, and pages that lose and repeat nothing."""

from typing import Any

import pytest

from chalicelib.shared.errors import Busy
from chalicelib.shared.time import format_instant, parse_instant
from tests.client import ApiClient
from tests.invoices.driving import (
    CENT,
    INVOICES,
    act,
    add_meter,
    add_organization,
    add_plan,
    body_of,
    fee,
    invoice,
    listed,
    refused,
    run,
    sell,
    send,
    set_clock,
    subscribe,
    walked,
)

ALL = "/v1/invoices"


def sell_at(client: ApiClient, at: str, organization: str = "acme") -> str:
    """Issue a one-off invoice at an instant; answers its id."""
    set_clock(at)
    return str(sell(client, organization)["id"])


@pytest.fixture
def api(client: ApiClient) -> ApiClient:
    set_clock("2026-01-01")
    add_organization(client)
    add_meter(client)
    add_plan(client, [CENT, fee("support", "5.00", "arrears")])
    return client


@pytest.fixture
def billed(api: ApiClient) -> ApiClient:
    """Three invoices (one paid, one void, one open) and two drafts; it is the night after February."""
    sell_at(api, "2026-01-01T10:00:00Z")
    sell_at(api, "2026-01-02T10:00:00Z")
    subscribe(api)
    body_of(act(api, "0o1.0", "payments", {"amount": "10.00", "reference": "r"}))
    body_of(act(api, "0o2.0", "void", {"reason": "wrong"}))
    run(api, "run_billing", "2026-02-02")
    set_clock("2026-03-01T10:00:00Z")
    return api


def ids(found: list[dict[str, Any]]) -> list[str]:
    return [one["id"].removeprefix("inv_acme.") for one in found]


def test_drafts_are_on_top_the_newest_first(billed: ApiClient) -> None:
    assert ids(listed(billed)) == ["1p2.0", "1p1.0", "1p0.0", "0o2.0", "0o1.0"]


FILTERED: list[tuple[dict[str, str], list[str]]] = [
    ({"status": "draft"}, ["1p2.0", "1p1.0"]),
    ({"status": "finalized"}, ["1p0.0", "0o1.0"]),
    ({"status": "void"}, ["0o2.0"]),
    ({"payment_status": "paid"}, ["0o1.0"]),
    ({"payment_status": "unpaid"}, ["1p0.0"]),
    ({"payment_status": "overdue"}, []),
    ({"status": "finalized", "payment_status": "unpaid"}, ["1p0.0"]),
    ({"status": "draft", "payment_status": "unpaid"}, []),
    ({"status": "void", "payment_status": "paid"}, []),
]


def test_filters_keep_what_they_name(billed: ApiClient) -> None:
    for query, found in FILTERED:
        assert ids(listed(billed, **query)) == found, query
        assert ids(listed(billed, ALL, organization="acme", **query)) == found, query
        # Of all organizations the same ones, but for drafts.
        if query.get("status") != "draft":
            assert ids(listed(billed, ALL, **query)) == found, query


def test_an_invoice_is_overdue_in_lists_from_its_due_instant_on_whether_or_not_a_job_has_run(billed: ApiClient) -> None:
    due_at = parse_instant(invoice(billed, "1p0.0")["due_at"])
    assert format_instant(due_at) == "2026-03-05T00:00:00Z"
    for instant, found in [("2026-03-04T23:59:59Z", []), ("2026-03-05T00:00:00Z", ["1p0.0"])]:
        set_clock(instant)
        assert ids(listed(billed, payment_status="overdue")) == found
        assert ids(listed(billed, ALL, payment_status="overdue")) == found


def test_pages_of_an_organization_hold_no_more_than_the_limit_and_lose_nothing(billed: ApiClient) -> None:
    for query, found in [
        ({}, ["1p2.0", "1p1.0", "1p0.0", "0o2.0", "0o1.0"]),
        ({"status": "draft"}, ["1p2.0", "1p1.0"]),
    ]:
        for limit in range(1, 6):
            pages = walked(billed, limit=limit, **query)
            assert all(len(page) <= limit for page in pages)
            assert [one for page in pages for one in ids(page)] == found


def test_an_invoice_made_between_two_pages_is_not_shown_twice(billed: ApiClient) -> None:
    first = body_of(billed.get(INVOICES, limit=3))
    sell_at(billed, "2026-03-01T11:00:00Z")
    second = body_of(billed.get(INVOICES, limit=3, cursor=first["next_cursor"]))
    assert ids(second["data"]) == ["0o2.0", "0o1.0"]


def test_the_current_draft_is_that_of_the_period_that_holds_now(billed: ApiClient) -> None:
    assert body_of(billed.get(f"{INVOICES}/current"))["id"] == "inv_acme.1p2.0"
    set_clock("2026-02-28T23:59:59Z")
    assert body_of(billed.get(f"{INVOICES}/current"))["id"] == "inv_acme.1p1.0"


def test_without_a_running_period_there_is_no_current_draft(api: ApiClient) -> None:
    assert refused(api.get(f"{INVOICES}/current")) == (404, "not-found", set())
    subscribe(api, start="2026-01-10T00:00:00Z")
    set_clock("2026-01-09T23:59:59Z")
    assert refused(api.get(f"{INVOICES}/current"))[0] == 404
    set_clock("2026-01-10")
    assert body_of(api.get(f"{INVOICES}/current"))["status"] == "draft"


def test_a_draft_keeps_its_id_when_it_is_finalized(billed: ApiClient) -> None:
    draft = invoice(billed, "1p1.0")
    run(billed, "run_billing", "2026-03-02")
    issued = invoice(billed, "1p1.0")
    assert (draft["status"], issued["status"], issued["number"]) == ("draft", "finalized", "ACME-000004")
    assert (draft["lines"], draft["total"]) == (issued["lines"], issued["total"])


ORGANIZATIONS = [f"org-{number}" for number in range(5)]


@pytest.fixture
def many(client: ApiClient) -> ApiClient:
    """Five organizations with three invoices each, all issued at the same three instants, some paid, some void."""
    for place, organization in enumerate(ORGANIZATIONS):
        add_organization(client, organization)
        for day in (1, 2, 3):
            made = sell_at(client, f"2026-01-0{day}T10:00:00Z", organization)
            if (place + day) % 3 == 0:
                body_of(client.post(f"/v1/invoices/{made}/payments", {"amount": "10.00", "reference": "r"}))
            if (place + day) % 3 == 1:
                body_of(client.post(f"/v1/invoices/{made}/void", {"reason": "wrong"}))
    set_clock("2026-01-04")
    return client


def wanted(first: int = 1, last: int = 3) -> list[str]:
    return sorted(f"inv_{one}.0o{number}.0" for one in ORGANIZATIONS for number in range(first, last + 1))


def test_pages_over_all_organizations_lose_and_repeat_nothing_where_instants_are_equal(many: ApiClient) -> None:
    for limit in (1, 4, 14, 15, 200):
        pages = walked(many, ALL, limit=limit)
        found = [one for page in pages for one in page]
        assert sorted(one["id"] for one in found) == wanted()
        issued = [one["issued_at"] for one in found]
        assert issued == sorted(issued, reverse=True)
        assert all(len(page) <= limit for page in pages)


def test_pages_over_all_organizations_lose_nothing_where_all_stand_in_one_part_of_the_index(api: ApiClient) -> None:
    made = [sell_at(api, f"2026-01-0{day}T10:00:00Z") for day in (1, 2, 3)]
    pages = walked(api, ALL, limit=1, payment_status="unpaid")
    assert [one["id"] for page in pages for one in page] == made[::-1]


def test_pages_over_all_organizations_keep_to_their_filter(many: ApiClient) -> None:
    everything = listed(many, ALL, limit=200)
    for status in ("finalized", "void"):
        found = [one for page in walked(many, ALL, limit=2, status=status) for one in page]
        same = [one for one in everything if one["status"] == status]
        assert sorted(one["id"] for one in found) == sorted(one["id"] for one in same) != []


def test_from_is_included_and_to_is_not(many: ApiClient) -> None:
    second = "2026-01-02T10:00:00Z"
    assert sorted(one["id"] for one in listed(many, ALL, from_=second)) == wanted(2, 3)
    assert sorted(one["id"] for one in listed(many, ALL, to=second)) == wanted(1, 1)
    just_after = "2026-01-02T10:00:00.000001Z"
    assert sorted(one["id"] for one in listed(many, ALL, from_=second, to=just_after)) == wanted(2, 2)
    of_one = listed(many, ALL, organization="org-3", from_=second)
    assert [one["id"] for one in of_one] == ["inv_org-3.0o3.0", "inv_org-3.0o2.0"]


def test_a_range_must_not_be_empty(api: ApiClient) -> None:
    first, second = "2026-01-01T10:00:00Z", "2026-01-02T10:00:00Z"
    for to, more in [(second, {}), (first, {}), (second, {"organization": "acme"})]:
        answer = api.get(ALL, from_=second, to=to, **more)
        assert refused(answer) == (422, "invalid-input", {"/query/to"})


def test_drafts_of_all_organizations_are_not_listed(api: ApiClient) -> None:
    assert refused(api.get(ALL, status="draft")) == (422, "invalid-input", {"/query/status"})
    assert listed(api, ALL, status="draft", organization="acme") == []


def test_an_unknown_organization_has_no_list(api: ApiClient) -> None:
    assert refused(api.get(ALL, organization="nobody")) == (404, "not-found", set())
    assert refused(api.get("/v1/organizations/nobody/invoices")) == (404, "not-found", set())


def test_a_cursor_of_another_list_or_filter_is_refused(many: ApiClient) -> None:
    of_all = body_of(many.get(ALL, limit=1))["next_cursor"]
    of_one = body_of(many.get("/v1/organizations/org-1/invoices", limit=1))["next_cursor"]
    wrong = [
        (ALL, of_one, {}),
        (ALL, of_all, {"status": "void"}),
        (ALL, of_all, {"organization": "org-1"}),
        ("/v1/organizations/org-1/invoices", of_all, {}),
        ("/v1/organizations/org-2/invoices", of_one, {}),
        ("/v1/organizations/org-1/invoices", of_one, {"payment_status": "paid"}),
        ("/v1/organizations/org-1/subscriptions", of_one, {}),
    ]
    for path, cursor, query in wrong:
        assert refused(many.get(path, limit=1, cursor=cursor, **query)) == (400, "invalid-cursor", set())
    assert len(body_of(many.get(ALL, limit=1, cursor=of_all))["data"]) == 1


def test_a_bound_admin_has_no_list_over_all_organizations(many: ApiClient) -> None:
    bound = many.as_holder_of(many.make_key("admin", "org-1"))
    assert refused(bound.get(ALL, organization="org-1")) == (403, "forbidden", set())
    assert len(listed(bound, "/v1/organizations/org-1/invoices")) == 3
    assert refused(bound.get("/v1/organizations/org-2/invoices")) == (404, "not-found", set())


def test_late_usage_alone_is_a_draft_only_when_there_is_some(api: ApiClient) -> None:
    subscribe(api, end="2026-02-01T00:00:00Z")
    run(api, "run_billing", "2026-02-02")
    assert ids(listed(api, status="draft")) == []
    assert refused(api.get("/v1/invoices/inv_acme.1l0.0"))[0] == 404
    send(api, "late", "2026-01-20T00:00:00Z", 300)
    assert ids(listed(api, status="draft")) == ["1l0.0"]
    assert invoice(api, "1l0.0")["total"] == "3.00"


def test_an_invoice_that_a_record_names_before_it_can_be_read_is_busy(
    billed: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.invoices.store.find", lambda *_: None)
    answer = billed.get("/v1/invoices/inv_acme.1p0.0")
    assert (answer.status_code, answer.json_body["type"]) == (503, f"/problems/{Busy.code}")
