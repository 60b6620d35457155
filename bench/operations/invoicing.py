"""Billing a period, by the run and by hand, and all that may happen to an invoice of ten lines afterwards."""

from typing import Any

from bench.operations.defining import OTHER
from bench.operations.scene import Scene
from bench.workload import ORGANIZATION

_INVOICE: dict[str, Any] = {"invoice": f"inv_{ORGANIZATION}.1p0.0"}
_NEXT = {"invoice": f"inv_{ORGANIZATION}.1p1.0"}


def count_billing(scene: Scene) -> None:
    """Bill December: one organization as a message names it, another one that the run finds due."""
    message = [{"organizations": [ORGANIZATION]}]
    scene.count("bill an organization", lambda: scene.doors.receive("bill_organizations", message))
    scene.count("bill an organization again", lambda: scene.doors.receive("bill_organizations", message))
    scene.count("billing run, one organization due", lambda: scene.doors.run("run_billing"))
    scene.count("billing run, nothing due", lambda: scene.doors.run("run_billing"))


def count_invoices(scene: Scene) -> None:
    """Read, pay, credit and void; finalize January by hand."""
    _count_reads(scene)
    ask, of_org = scene.ask, {"org": ORGANIZATION}
    payment = {"amount": "0.01", "reference": "bench"}
    ask("record a payment", "POST /v1/invoices/{invoice}/payments", payment, **_INVOICE)
    paid = scene.doors.request("GET /v1/invoices/{invoice}", **_INVOICE)
    reversed_ = {**_INVOICE, "payment": paid["payments"][0]["id"]}
    reason = {"reason": "bench"}
    ask("reverse a payment", "POST /v1/invoices/{invoice}/payments/{payment}/reverse", reason, **reversed_)
    credited = {"lines": [{"line": paid["lines"][0]["id"], "amount": "0.01"}], "to": "credit", **reason}
    note = ask("issue a credit note", "POST /v1/invoices/{invoice}/credit-notes", credited, **_INVOICE)
    ask("read a credit note", "GET /v1/credit-notes/{note}", note=note["id"])
    ask("finalize a draft by hand", "POST /v1/invoices/{invoice}/finalize", **_NEXT)
    ask("give an invoice up", "POST /v1/invoices/{invoice}/uncollectible", reason, **_INVOICE)
    ask("void an invoice", "POST /v1/invoices/{invoice}/void", {**reason, "regenerate": True}, **_NEXT)
    sold = {"lines": [{"name": "Setup", "quantity": "1", "unit_price": "50"}]}
    ask("issue a one-off invoice", "POST /v1/organizations/{org}/invoices", sold, **of_org)


def _count_reads(scene: Scene) -> None:
    ask = scene.ask
    ask("list an organization's invoices", "GET /v1/organizations/{org}/invoices", org=ORGANIZATION)
    ask("list all invoices", "GET /v1/invoices", query={"status": "finalized"})
    ask("list invoices of one organization", "GET /v1/invoices", query={"organization": OTHER})
    ask("read an invoice", "GET /v1/invoices/{invoice}", **_INVOICE)
    ask("explain a line of an invoice", "GET /v1/invoices/{invoice}/lines/{line}", line="usage-calls", **_INVOICE)
    for form in ("html", "pdf", "csv"):
        ask(f"invoice as {form}", f"GET /v1/invoices/{{invoice}}/{form}", **_INVOICE)
