"""Credit of an organization with ten charges: granting, what drafts then cost, holds, the ledger, settling."""

from datetime import timedelta
from typing import Any

from bench.operations.scene import Scene
from bench.workload import ORGANIZATION
from chalicelib.shared.clock import clock
from chalicelib.shared.time import format_instant

_CREDITS = "/v1/organizations/{org}/credits"


def count_credit(scene: Scene) -> None:
    """Give credit that the draft draws on and some that nothing does, and do everything with it."""
    ask = scene.ask
    of_org: dict[str, Any] = {"org": ORGANIZATION}
    since = {"effective_at": "2026-01-01T00:00:00Z"}
    ask("grant credit", f"POST {_CREDITS}/grants", {"name": "First", "amount": "20", **since}, **of_org)
    unused = {"applies_to": {"charges": ["nothing"]}, **since}
    spare = {"name": "Spare", "amount": "100", **unused}
    spare_id = scene.doors.request(f"POST {_CREDITS}/grants", spare, **of_org)["id"]
    ask("current draft, with credit", "GET /v1/organizations/{org}/invoices/current", **of_org)
    keyed = {"name": "Once", "amount": "1", **since}
    headers = {"idempotency-key": "bench"}
    ask("grant credit, with an idempotency key", f"POST {_CREDITS}/grants", keyed, headers=headers, **of_org)
    ask("the same request again", f"POST {_CREDITS}/grants", keyed, headers=headers, **of_org)
    held = {"amount": "1", "expires_in": 3600, "reference": "job"}
    hold = ask("hold credit", f"POST {_CREDITS}/holds", held, **of_org)
    ask("list holds", f"GET {_CREDITS}/holds", **of_org)
    ask("release a hold", f"POST {_CREDITS}/holds/{{hold}}/release", hold=hold["id"], **of_org)
    _count_reads(scene)
    ends = {"expires_at": format_instant(clock.now() + timedelta(hours=1))}
    grant = {**of_org, "grant": spare_id}
    ask("change when a grant ends", f"POST {_CREDITS}/grants/{{grant}}/expiry", ends, **grant)
    scene.count("settling run, nothing due", lambda: scene.doors.run("settle_credits"))
    scene.set_clock(clock.now() + timedelta(hours=2))
    scene.count("settling run, a grant has ended", lambda: scene.doors.run("settle_credits"))
    wrong = scene.doors.request(f"POST {_CREDITS}/grants", {"name": "Wrong", "amount": "1", **unused}, **of_org)
    ask("void a grant", f"POST {_CREDITS}/grants/{{grant}}/void", {"reason": "bench"}, grant=wrong["id"], **of_org)


def _count_reads(scene: Scene) -> None:
    ask, of_org = scene.ask, {"org": ORGANIZATION}
    ask("summary of credit", f"GET {_CREDITS}", **of_org)
    scene.count(
        "summary of credit by direct invocation",
        lambda: scene.doors.invoke("credit_balance", {"organization": ORGANIZATION}),
    )
    ask("list grants", f"GET {_CREDITS}/grants", **of_org)
    ask("a page of the ledger", f"GET {_CREDITS}/ledger", **of_org)
    ask("schedule of credit", f"GET {_CREDITS}/schedule", **of_org)
    ask("usage of credit", f"GET {_CREDITS}/usage", query={"from": "2026-01-01", "to": "2026-02-01"}, **of_org)
    ask("verify a part of the ledger", f"GET {_CREDITS}/verify", **of_org)
