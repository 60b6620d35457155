"""Builders and generators for what invoices hold: lines, finalized invoices, notes."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from hypothesis import strategies as st

from chalicelib.catalog.organizations import TaxRate
from chalicelib.invoices.invoice import (
    Content,
    CreditedLine,
    CreditNote,
    CreditTo,
    Interval,
    Invoice,
    InvoicePayment,
    LedgerHead,
    Line,
    LineCredit,
    LineKind,
    Origin,
    Party,
    PlanVersion,
    Standing,
    TaxAmount,
    TierAmount,
)
from chalicelib.invoices.totals import complete
from chalicelib.shared.time import instant_of, parse_instant

at = parse_instant

JANUARY = Interval(at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z"))
ISSUED_AT = at("2026-02-02T09:30:00Z")
DUE_AT = at("2026-03-05T00:00:00Z")


def line(
    name: str, net_minor: int, *, paid_by: Sequence[tuple[str, int]] = (), kind: LineKind = LineKind.USAGE
) -> Line:
    """Make a line whose id is its name; ``paid_by`` are grants with what each paid, a day after another."""
    return Line(
        id=name,
        kind=kind,
        charge=name,
        name=name,
        service_period=JANUARY,
        quantity=Decimal(1),
        amount_minor=net_minor,
        net_minor=net_minor,
        credits=tuple(
            LineCredit(grant, grant.upper(), amount_minor, {date(2026, 1, 1 + place): amount_minor})
            for place, (grant, amount_minor) in enumerate(paid_by)
        ),
    )


def content(lines: Sequence[Line], rates: Sequence[tuple[str, str]] = ()) -> Content:
    """Make a content of lines with taxes by name and percent; it is closed at 0."""
    closed, taxes = complete(lines, [TaxRate(name, Decimal(percent)) for name, percent in rates], JANUARY)
    return Content(
        lines=closed,
        taxes=taxes,
        period=JANUARY,
        plan=PlanVersion("pro", 3),
        seller=Party({"legal_name": "Example Ltd"}),
        buyer=Party({"name": "Acme", "tax_id": None}),
    )


def issued(
    *lines: Line, rates: Sequence[tuple[str, str]] = (), invoice_id: str = "inv_acme.1p3.0", currency: str = "USD"
) -> Invoice:
    """Make a finalized invoice of January, number 7, due at the end of 4 March 2026."""
    return Invoice(
        id=invoice_id,
        organization="acme",
        currency=currency,
        content=content(lines, rates),
        number=7,
        issued_at=ISSUED_AT,
        due_at=DUE_AT,
        finalizes_at=at("2026-02-02T00:00:00Z"),
        late_usage_until=at("2026-03-08T00:00:00Z"),
        ledger_head=LedgerHead(12, "ab12"),
        as_of=ISSUED_AT,
    )


def draft(*lines: Line) -> Invoice:
    """Make the draft of January, as computed on 15 January."""
    return Invoice(
        id="inv_acme.1p3.0",
        organization="acme",
        currency="USD",
        content=content(lines),
        finalizes_at=at("2026-02-02T00:00:00Z"),
        blocked=("too-many-combinations",),
        as_of=at("2026-01-15T12:00:00Z"),
    )


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
maybe_texts = st.none() | texts
minors = st.integers(-(10**12), 10**12)
# The width of any number of an event, and wider: sums and products of exact numbers.
decimals = st.builds(
    lambda whole, places: Decimal(whole).scaleb(-places), st.integers(-(10**22), 10**22), st.integers(-3, 24)
)
fractions = st.fractions(min_value=-(10**18), max_value=10**18)
instants = st.integers(0, 2 * 10**17).map(instant_of)
maybe_instants = st.none() | instants
intervals = st.builds(Interval, instants, instants)
taxes = st.builds(TaxAmount, texts, decimals, minors)
line_credits = st.builds(LineCredit, texts, texts, minors, st.dictionaries(st.dates(), minors, max_size=2))
tiers = st.builds(
    TierAmount,
    first=decimals,
    last=st.none() | decimals,
    quantity=fractions,
    unit_price=decimals,
    flat_fee=fractions,
    amount=fractions,
)
lines = st.builds(
    Line,
    id=texts,
    kind=st.sampled_from(LineKind),
    charge=maybe_texts,
    name=texts,
    service_period=intervals,
    quantity=st.none() | decimals,
    amount_minor=minors,
    net_minor=minors,
    meter=maybe_texts,
    unit=maybe_texts,
    unit_price=st.none() | decimals,
    group=st.none() | st.dictionaries(texts, texts, max_size=2),
    tiers=st.lists(tiers, max_size=2).map(tuple),
    credits=st.lists(line_credits, max_size=2).map(tuple),
    origin=st.none() | st.builds(Origin, maybe_texts, maybe_texts, intervals),
    formula=texts,
    by_day=st.dictionaries(st.dates(date(1970, 1, 1), date(9998, 1, 1)), decimals, max_size=3),
)
parties = st.builds(Party, st.dictionaries(texts, maybe_texts, max_size=3))
contents = st.builds(
    Content,
    lines=st.lists(lines, max_size=2).map(tuple),
    taxes=st.lists(taxes, max_size=2).map(tuple),
    period=intervals,
    plan=st.none() | st.builds(PlanVersion, texts, st.integers(1, 10**6)),
    seller=parties,
    buyer=parties,
)
payments = st.builds(
    InvoicePayment,
    id=texts,
    amount_minor=minors,
    paid_at=instants,
    reference=texts,
    reversed_at=maybe_instants,
    reversal_reason=maybe_texts,
)
notes = st.builds(
    CreditNote,
    number=st.integers(1, 10**6),
    invoice=texts,
    lines=st.lists(
        st.builds(CreditedLine, texts, minors, st.lists(line_credits, max_size=2).map(tuple)), max_size=2
    ).map(tuple),
    reason=texts,
    to=st.sampled_from(CreditTo),
    issued_at=instants,
    taxes=st.lists(taxes, max_size=2).map(tuple),
    credited_minor=minors,
    refunded_minor=minors,
    granted_minor=minors,
    grant=maybe_texts,
)
standings = st.builds(
    Standing,
    payments=st.lists(payments, max_size=2).map(tuple),
    credit_notes=st.lists(notes, max_size=2).map(tuple),
    uncollectible_reason=maybe_texts,
    void_reason=maybe_texts,
    voided_at=maybe_instants,
    regenerated=st.booleans(),
    is_overdue=st.booleans(),
)
invoices = st.builds(
    Invoice,
    id=texts,
    organization=texts,
    currency=st.sampled_from(["USD", "JPY", "KWD"]),
    content=contents,
    standing=standings,
    number=st.none() | st.integers(1, 10**6),
    issued_at=maybe_instants,
    due_at=maybe_instants,
    finalizes_at=maybe_instants,
    late_usage_until=maybe_instants,
    ledger_head=st.none() | st.builds(LedgerHead, st.integers(0, 10**9), texts),
    blocked=st.lists(texts, max_size=2).map(tuple),
    as_of=instants,
)
