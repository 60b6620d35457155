"""Conditions of billing's protocols, each broken on purpose: what the schedules must notice."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.catalog import subscription_service, subscriptions_store
from chalicelib.catalog.settling import find_touched
from chalicelib.catalog.subscriptions import Subscriptions
from chalicelib.credits import claim_service, hold_service, settle_service
from chalicelib.credits import service as credits_service
from chalicelib.credits import store as wallet_store
from chalicelib.invoices import crediting, finalization, opening, store
from chalicelib.invoices.invoice import Invoice, LedgerHead
from chalicelib.invoices.reader import Billing
from chalicelib.invoices.tables import InvoicesItem
from chalicelib.platform.reads import find_many
from chalicelib.platform.writes import Write
from chalicelib.usage import rollup
from chalicelib.usage.query import open_reader_with_marks
from chalicelib.usage.reader import CountersReader

Mutation = Callable[[pytest.MonkeyPatch], None]


def _without_condition(module: Any, name: str) -> Mutation:
    """Let a write pass whatever is stored."""

    def mutate(patch: pytest.MonkeyPatch) -> None:
        make = getattr(module, name)
        patch.setattr(module, name, lambda *given, **named: replace(make(*given, **named), condition=None))

    return mutate


def wallet_of_any_version(patch: pytest.MonkeyPatch) -> None:
    """Replace the head of a wallet whatever its version."""
    make = wallet_store.wallet_writes

    def writes(*given: Any, **named: Any) -> tuple[Write, ...]:
        head, *others = make(*given, **named)
        return replace(head, condition=None), *others

    patch.setattr(wallet_store, "wallet_writes", writes)


def note_nothing(patch: pytest.MonkeyPatch) -> None:
    """Let the rollup tell billing nothing."""
    patch.setattr(rollup, "note_stored", lambda *_: False)


def note_before_the_day_only(patch: pytest.MonkeyPatch) -> None:
    """Do not note again that a day is stored."""
    note = rollup.note_stored

    def once(*given: Any) -> bool:
        note(*given)
        return False

    patch.setattr(rollup, "note_stored", once)


def note_only_what_is_closed(patch: pytest.MonkeyPatch) -> None:
    """Leave the version as it is where no closed period is touched."""
    patch.setattr(subscription_service, "find_touched", lambda *given, **named: find_touched(*given, **named) or None)


def subscriptions_before_marks(patch: pytest.MonkeyPatch) -> None:
    """Read subscriptions and heads before the dirty marks."""
    read: dict[str, Any] = {}

    def open_late(organization: str, now: Any) -> CountersReader:
        keys = [subscription_service.subscriptions_key(organization), store.head_key(organization)]
        read["early"] = find_many([*keys, credits_service.wallet_key(organization)])
        return open_reader_with_marks(organization, now)

    patch.setattr(opening, "open_reader_with_marks", open_late)
    patch.setattr(opening, "find_many", lambda keys: read.pop("early"))


def version_of_the_last_moment(patch: pytest.MonkeyPatch) -> None:
    """Make sure of a version that was read after the decision, so that what came between is written over."""

    def writes(read: Subscriptions, changed: Sequence[Any], *, due_at: Any) -> tuple[Write, ...]:
        latest = subscription_service.read_subscriptions(read.organization).version
        after = subscription_service.with_changes(replace(read, version=latest), changed)
        return (subscriptions_store.replace_write(after, version_read=latest, due_at=due_at),)

    patch.setattr(subscription_service, "subscription_writes", writes)


def wallet_without_check(patch: pytest.MonkeyPatch) -> None:
    """Name the head of the ledger on an invoice without making sure that it still is the head."""

    def with_wallet(billing: Billing, invoice: Invoice) -> tuple[Invoice, tuple[Write, ...]]:
        head = billing.wallet.head
        return replace(invoice, ledger_head=LedgerHead(head.seq, head.hash) if head.seq else None), ()

    patch.setattr(finalization, "with_wallet", with_wallet)


def note_without_check(patch: pytest.MonkeyPatch) -> None:
    """Let a note that gives credit back pass whatever became of the subscriptions."""
    read_paid = crediting._read_paid
    patch.setattr(crediting, "_read_paid", lambda *given: replace(read_paid(*given), checks=()))


def head_of_any_version(patch: pytest.MonkeyPatch) -> None:
    """Let records be written whatever became of the head of the invoices, which every credit note changes."""
    made = store.head_check

    def without(read: store.InvoicesHead) -> Write:
        return replace(made(read), condition=InvoicesItem.pk.exists())

    patch.setattr(store, "head_check", without)


def _claims_without_checks(name: str, module: Any) -> Mutation:
    """Let what was decided on claims pass whatever became of the drafts."""

    def mutate(patch: pytest.MonkeyPatch) -> None:
        read = getattr(claim_service, name)
        unchecked = SimpleNamespace(**{name: lambda *given: replace(read(*given), checks=())})
        patch.setattr(module, "claim_service", unchecked)

    return mutate


CREDIT_MUTATIONS: Mapping[str, Mutation] = {
    "a note does not check the subscriptions": note_without_check,
    "settling does not check the drafts": _claims_without_checks("read_claimants", settle_service),
    "a hold does not check the drafts": _claims_without_checks("read_claims", hold_service),
    "a void does not check the head of the invoices": head_of_any_version,
    "a period without an invoice does not check the head of the invoices": head_of_any_version,
    "holds go to a wallet of any version": wallet_of_any_version,
}

BILLING_MUTATIONS: Mapping[str, Mutation] = {
    "subscriptions are replaced whatever their version": _without_condition(subscriptions_store, "replace_write"),
    "subscriptions are touched whatever their version": _without_condition(subscriptions_store, "touch_write"),
    "the version that is made sure of is read last": version_of_the_last_moment,
    "the head of invoices is replaced whatever its version": _without_condition(store, "head_write"),
    "the standing is changed whatever its version": _without_condition(store, "standing_write"),
    "the head of a wallet is replaced whatever its version": wallet_of_any_version,
    "the ledger's head is named without a check": wallet_without_check,
    "nothing is noted": note_nothing,
    "nothing is noted after the day": note_before_the_day_only,
    "a note raises no version": note_only_what_is_closed,
    "subscriptions are read before marks": subscriptions_before_marks,
    **CREDIT_MUTATIONS,
}
