"""A past that uses every kind of thing that is stored: what each release is recorded with.

Two organizations live through a winter: all aggregations, every price model, voided and amended events, trials, changes
and cancellations, invoices in every state, notes, grants of every kind, holds. In the end some of it is unfinished.
"""

from datetime import timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest

from chalicelib.invoices import store as invoices_store
from chalicelib.shared.clock import clock
from chalicelib.shared.time import format_instant, parse_instant
from chalicelib.usage import counters_store
from tests.client import ApiClient
from tests.stories.notation import read_story
from tests.stories.steps import Verbs

NOW = "2026-03-10T12:00:00Z"

ACME = """
    2025-12-01 meter        calls count by model kind
    2025-12-01 meter        tokens sum by model
    2025-12-01 meter        largest max
    2025-12-01 meter        smallest min
    2025-12-01 meter        delay average
    2025-12-01 meter        users unique_count
    2025-12-01 meter        seats latest
    2025-12-01 meter        disk time_weighted by tier
    2025-12-01 organization acme USD Europe/Berlin VAT 19
    2025-12-01 plan         pro month discount 5 minimum 20.00 grace 0
               charge       tokens graduated 1000:0.02 *:0.01
               charge       calls package 10:0.50 included 5 maximum 20.00 where kind=chat|code
               charge       chat on tokens by model large=0.03 small=0.001 other=0.01
               charge       disk 0.000125
               charge       users volume 2:1+0.50 *:0.75
               fee          support 31.00 arrears
               fee          base 62.00 advance
    2025-12-01 plan         team month grace 0
               charge       tokens 0.015 minimum 1.00
               fee          base 93.00 advance whole
    2025-12-20 subscribe    acme pro discount 10
    2025-12-20 grant        welcome 25.00 expires 2026-02-01
    2025-12-20 grant        monthly 10.00 for tokens every month times 4 priority 20
    2025-12-20 grant        everything 30.00 for all basis 0.80
    2025-12-21 grant        mistake 5.00
    2025-12-22 void-grant   mistake
    2025-12-22 event        e1 acme tokens 1500 model=large
    2025-12-22 event        e1 acme tokens 1500 model=large                  -> duplicate
    2025-12-23 event        e1 acme tokens 9 model=large at 2025-12-22       -> conflict
    2025-12-23 event        e2 acme tokens 800 model=small
    2025-12-23 event        e3 acme calls 1 model=large kind=chat
    2025-12-23 event        e4 acme calls 1 model=large kind=image
    2025-12-23 event        d1 acme disk 40 tier=fast
    2025-12-23 event        u1 acme users ann
    2025-12-24 event        u2 acme users bob
    2025-12-24 event        u3 acme users ann
    2025-12-24 event        x1 acme largest 7.25
    2025-12-24 event        x2 acme smallest -3
    2025-12-24 event        x3 acme delay 0.125
    2025-12-24 event        x4 acme delay 0.25
    2025-12-24 event        x5 acme seats 12
    2025-12-27 void-event   e2
    2025-12-27 amend        e1 1700
    2025-12-28 event        x6 acme nothing 1                                -> unmatched
    2025-12-28 rollup
    2026-01-01 billing
    2026-01-02 pay          1p0 50.00 bank-1
    2026-01-03 reverse      1p0 pay_1 returned
    2026-01-04 pay          1p0 20.00 bank-2
    2026-01-05 event        l1 acme tokens 4000 model=small at 2025-12-30
    2026-01-10 event        d2 acme disk 10 tier=slow
    2026-01-10 event        e5 acme tokens 2500 model=large
    2026-01-11 rollup
    2026-01-12 one-off      acme Setup 2 x 150.00
    2026-01-13 credit-note  0o1 one-off-1 100.00 to credit
    2026-01-14 one-off      acme Training 1 x 80.00
    2026-01-14 uncollectible 0o2 gone
    2026-01-15 change       1 team 2026-01-20
    2026-01-21 event        e6 acme tokens 3000 model=other
    2026-02-01 billing
    2026-02-02 settle
    2026-02-03 void         1p1 regenerate wrong
    2026-02-04 billing
    2026-02-05 event        e7 acme tokens 700 model=small
    2026-02-05 grant        reserve 40.00 for calls expires 2026-12-01
    2026-02-06 hold         kept 3.00 86000
    2026-02-06 hold         given 2.00 86000
    2026-02-06 release      given
    2026-02-07 taxes        acme VAT 20
    2026-02-08 rollup
    2026-03-01 billing
    2026-03-01 settle
    2026-03-02 event        e8 acme tokens 1200 model=large
    2026-03-03 rollup
    2026-03-04 override     1 25
    2026-03-05 expire       everything 2026-06-01
    2026-03-09 hold         open 1.50 86400
    2026-03-10 11:00 event  late acme tokens 60 model=small at 2026-03-08
    2026-03-10 11:30 event  last acme tokens 40 model=small
"""
GLOBEX = """
    2025-12-31 organization globex JPY Asia/Kathmandu
    2026-01-01 plan         kyoto week grace 0
               charge       calls graduated 2:10 *:5
               fee          base 700 advance
    2026-01-05 subscribe    globex kyoto anniversary trial 7
    2026-01-06 event        g1 globex calls 1 model=a kind=chat
    2026-01-13 event        g2 globex calls 1 model=a kind=code
    2026-01-19 rollup
    2026-01-19 billing
    2026-01-20 cancel       1 period_end
    2026-01-21 resume       1
    2026-01-27 event        g3 globex calls 1 model=b kind=chat
    2026-02-02 billing
    2026-02-03 cancel       1 now
    2026-02-10 billing
    2026-02-11 grant        yen 500
    2026-02-12 one-off      globex Help 1 x 300
    2026-02-12 void         0o1 wrong
"""


def live_through(client: ApiClient) -> None:
    """Let all of it happen, by the public API; the clock stands at ``NOW`` in the end.

    Counters and invoices are written in pages where they are longer than a little: so there are some of both.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counters_store, "PAGE_BYTES", 120)
        patch.setattr(invoices_store, "INLINE_BYTES", 700)
        patch.setattr(invoices_store, "PAGE_BYTES", 600)
        _set_up(client)
        for story in (ACME, GLOBEX):
            _play(client, story)
    clock.set(parse_instant(NOW))
    _send_many(client)
    _leave_unfinished(client)


def _play(client: ApiClient, story: str) -> None:
    verbs = Verbs(client)
    for step in read_story(story):
        verbs.learn(step)
        clock.set(verbs.instant(step.stamp))
        done = verbs.do(step)
        assert done.status < 300, f"{step.row.text}: {done.body}"


def _set_up(client: ApiClient) -> None:
    seller = {"legal_name": "Seller Ltd.", "address": "1 Street\nTown", "tax_id": "XX1"}
    answer = client.put("/v1/settings", {"seller": seller, "late_limit_days": 60})
    assert answer.status_code == 200, answer.body


def _send_many(client: ApiClient) -> None:
    """Send very many events at once: those are packed otherwise than a few."""
    start = parse_instant("2026-03-09T10:00:00Z")
    events = [
        {
            "id": str(uuid5(NAMESPACE_URL, f"event {number}")),
            "source": f"gateway-{number % 3}",
            "type": "tokens" if number % 4 else "delay",
            "subject": "globex",
            "time": format_instant(start + timedelta(milliseconds=7919 * number)),
            "data": {"n": number * number, "model": f"model-{number % 5}", "more": {"path": f"/{number}", "ok": True}},
        }
        for number in range(100)
    ]
    answer = client.post("/v1/events", events)
    assert answer.status_code == 202, answer.body


def _leave_unfinished(client: ApiClient) -> None:
    """End with what the next release finds on its first day: a meter that still counts, and a new organization."""
    created: dict[str, dict[str, Any]] = {
        "/v1/meters": {"key": "chats", "name": "Chats", "event_type": "calls", "aggregation": "count"},
        "/v1/organizations": {"id": "initech", "name": "Initech", "currency": "KWD", "purchase_order": "PO-7"},
    }
    for path, body in created.items():
        answer = client.post(path, body)
        assert answer.status_code == 201, answer.body
