"""Tells the operators of a ledger or a wallet that is wrong: nothing repairs that by itself, and somebody must look."""

from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.credits import store
from chalicelib.credits.records import UnreadableBalances
from chalicelib.credits.wallet import totals_of
from chalicelib.platform import logging
from chalicelib.platform.metrics import Metric


def report(organization: str, *, reason: str) -> None:
    """Count one finding and log whose ledger it is in."""
    logging.count(Metric.LEDGER_FAILURES)
    logging.warn("the ledger is wrong", organization=organization, reason=reason)


@contextmanager
def reporting(organization: str) -> Iterator[None]:
    """Report the sums that are asserted here when they do not hold; the assertion goes on."""
    try:
        yield
    except AssertionError:
        report(organization, reason="sums")
        raise


def report_if_unsound(organization: str) -> None:
    """Look why a wallet could not be read whole: because others wrote it all the time, or because it does not add up.

    Between two equal heads nobody wrote, so balances that were read between them are all there are.
    """
    before = store.read_head(organization)
    try:
        found = store.read_balances(organization, before)
    except UnreadableBalances:
        found = None
    is_sound = found is not None and len(found) == before.grants and totals_of(found.values()) == before.totals
    if not is_sound and store.read_head(organization) == before:
        report(organization, reason="balances")
