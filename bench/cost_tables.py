"""The parts of ``docs/cost.md`` that are computed: from the accepted counts, and the prices."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from local.cost import Cost, as_text, dollars, shown_price
from local.cost_lines import Purpose, shown
from local.cost_question import Door, Question, fits
from local.prices import LOOKED_UP_ON, PRICES

_SIZES: Mapping[str, Question] = {
    "idle": Question(organizations=1, events=0, invoices=0),
    "small": Question(organizations=20, events=1_000_000, views=1_000),
    "medium": Question(organizations=500, events=50_000_000, views=10_000),
    "large": Question(organizations=5_000, events=1_000_000_000, batch=1_000, views=100_000),
    "one big customer": Question(organizations=1, events=100_000_000, views=100),
}
# What the page takes the self-hosted alternatives to run on, at the prices that it names.
_MACHINES = {
    "one t3.large": Fraction("60.74"),
    "two m7g.large, a database with a standby": 2 * Fraction("59.57") + Fraction("94.90"),
    "five m7g.large": 5 * Fraction("59.57"),
}
_BATCHES = (1, 10, 100, 500, 2000)
_TAKING = (Purpose.INGEST, Purpose.ROLLUP)
_DENSITIES = (1_000_000, 10_000_000, 100_000_000)


def computed_parts() -> dict[str, Callable[[], str]]:
    """Name every computed part of the page, with what makes it."""
    return {
        "sizes": _sizes,
        "batches": _batches,
        "densities": _densities,
        "shares": _shares,
        "idle": _idle,
        "even": _even,
        "prices": _prices,
    }


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int = 1) -> str:
    """Write a table whose first columns are text, the others numbers."""
    rule = ["---"] * texts + ["--:"] * (len(head) - texts)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def _sizes() -> str:
    head = ["", "organizations", "events a month", "batch", "looks at the console", *Purpose, "a month", "no alarms"]
    rows = []
    for name, question in _SIZES.items():
        cost = Cost(question, PRICES)
        asked = (question.organizations, question.events, question.batch, question.views)
        alarms = sum((line.dollars for line in cost.lines if line.amount.price == "alarms"), start=Fraction(0))
        sums = [*map(cost.of, Purpose), cost.of(), cost.of() - alarms]
        rows.append([name, *(f"{one:,}" for one in asked), *(_cents(one) for one in sums)])
    return _table(head, rows)


def _cents(value: Fraction) -> str:
    cents = round(value * 100)
    return f"{cents // 100:,}.{cents % 100:02}"


def _batches() -> str:
    head = ["events a batch", *(f"by {door}" for door in Door), "kept for 440 days"]
    rows = []
    for batch in _BATCHES:
        questions = [_one(10_000_000, batch=batch, door=door) for door in Door]
        taken = [_dollars(_per_million(one, *_TAKING)) if fits(one) else "too large" for one in questions]
        rows.append([f"{batch:,}", *taken, _dollars(_per_million(questions[0], Purpose.KEEPING))])
    return _table(head, rows)


def _densities() -> str:
    head = ["events a month of one organization", "in a quarter-hour", "taken in", "rolled up", "kept for 440 days"]
    rows = []
    for events in _DENSITIES:
        question = _one(events)
        million = (_dollars(_per_million(question, purpose)) for purpose in (*_TAKING, Purpose.KEEPING))
        rows.append([f"{events:,}", shown(events / question.pairs), *million])
    return _table(head, rows)


def _shares() -> str:
    """Tell what a million events costs by service, taken in by HTTP in batches of 500."""
    cost = Cost(_one(100_000_000), PRICES)
    found: dict[tuple[str, str], Fraction] = {}
    for line in cost.lines:
        if line.amount.purpose in _TAKING:
            key = (line.price.service, line.price.what)
            found[key] = found.get(key, Fraction(0)) + line.dollars / 100
    whole = sum(found.values(), start=Fraction(0))
    rows = [
        [service, what, _dollars(each), f"{round(each / whole * 100)} %"]
        for (service, what), each in sorted(found.items(), key=lambda one: -one[1])
    ]
    return _table(["service", "", "a million events", "of it"], [*rows, ["", "all", _dollars(whole), "100 %"]], texts=2)


def _one(events: int, *, batch: int = 500, door: Door = Door.HTTP) -> Question:
    return Question(organizations=1, events=events, batch=batch, door=door, invoices=0, alarms=False)


def _per_million(question: Question, *purposes: Purpose) -> Fraction | None:
    return Cost(question, PRICES).per_million(*purposes)


def _dollars(value: Fraction | None) -> str:
    return "" if value is None else f"${dollars(value)}"


def _idle() -> str:
    question = Question(organizations=1, events=0, invoices=0, alarms=False)
    text = "\n".join(as_text(Cost(question, PRICES)))
    return f"```text\n$ python -m local cost --invoices 0 --alarms off\n{text}\n```"


def _even() -> str:
    """Tell from how many events on machines ask for no more than what is paid by use."""
    question = _one(100_000_000)
    each = Cost(question, PRICES).of(*_TAKING, Purpose.KEEPING) / 100
    rows = [[what, f"${_cents(a_month)}", f"{round(a_month / each):,} million"] for what, a_month in _MACHINES.items()]
    return _table(["machines", "a month", "asked by Meterfold for, events a month kept for 440 days"], rows)


def _prices() -> str:
    rows = [[price.service, price.what, shown_price(price), price.page] for price in PRICES.values()]
    return f"Looked up on {LOOKED_UP_ON}.\n\n" + _table(["service", "what", "price", "page"], rows, texts=4)
