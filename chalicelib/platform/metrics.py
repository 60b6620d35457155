"""The metrics of a deployment, all of them: names in CloudWatch, units, and how late each job may be.

Each metric costs money for every hour in which it is sent, so there are few, one dimension for all (the stage, beside
the service's name), and what is 0 is not sent: a system in which nothing happens sends none.
"""

from enum import StrEnum

NAMESPACE = "meterfold"


class Metric(StrEnum):
    """What is counted or measured; the meaning of each is in ``MEANINGS``."""

    ACCEPTED_EVENTS = "AcceptedEvents"
    REJECTED_EVENTS = "RejectedEvents"
    DUPLICATE_EVENTS = "DuplicateEvents"
    CONFLICTING_EVENTS = "ConflictingEvents"
    UNUSABLE_EVENTS = "UnusableEvents"
    ROLLUP_LAG = "RollupLag"
    OLDEST_DIRTY_MARK = "OldestDirtyMark"
    BILLING_LAG = "BillingLag"
    INVOICES_FINALIZED = "InvoicesFinalized"
    BLOCKED_INVOICES = "BlockedInvoices"
    LEDGER_FAILURES = "LedgerFailures"
    THROTTLES = "Throttles"
    BUSY = "Busy"
    FAULTS = "Faults"

    @property
    def unit(self) -> str:
        """Give the unit as CloudWatch writes it: ages are seconds, everything else is counted."""
        return "Seconds" if self in AGES else "Count"


# Of an age the greatest of an invocation is sent, of a count the sum.
AGES = frozenset({Metric.ROLLUP_LAG, Metric.OLDEST_DIRTY_MARK, Metric.BILLING_LAG})

MEANINGS = {
    Metric.ACCEPTED_EVENTS: "events acknowledged by any door; one that is sent twice counts twice here",
    Metric.REJECTED_EVENTS: "events found invalid by any door; a message that comes again counts again",
    Metric.DUPLICATE_EVENTS: "events that a rollup found to have come before, each when first stored as such",
    Metric.CONFLICTING_EVENTS: "events that a rollup found to have come before with other content, likewise",
    Metric.UNUSABLE_EVENTS: "events that a rollup found a meter unable to use, likewise",
    Metric.ROLLUP_LAG: "the longest that a dirty mark had waited when its counters were stored",
    Metric.OLDEST_DIRTY_MARK: "how long the oldest mark has waited that a run tried, or had no time, to roll up",
    Metric.BILLING_LAG: "how late the organization is that has been due longest, when the billing run begins",
    Metric.INVOICES_FINALIZED: "invoices that the billing run finalized",
    Metric.BLOCKED_INVOICES: "drafts that are due and cannot be billed right, each run anew",
    Metric.LEDGER_FAILURES: "times that a ledger, or a wallet's sums, were found wrong",
    Metric.THROTTLES: "calls that DynamoDB refused as too many, or did in part; each attempt counts",
    Metric.BUSY: "requests and parts of runs given up after all attempts: throttled, or the race for a write lost",
    Metric.FAULTS: "requests and parts of runs that ended in something nobody expected",
}

# How late a job may be before somebody should look, in seconds: for the alarms and for ``GET /v1/health`` alike.
ROLLUP_MAY_LAG_S = 30 * 60
A_MARK_MAY_WAIT_S = 60 * 60
BILLING_MAY_LAG_S = 3 * 60 * 60
SETTLING_MAY_LAG_S = 3 * 60 * 60
