"""What is done for a customer but sending events: ten charges on ten meters, a month billed and one about to end."""

from datetime import UTC, datetime, timedelta

from bench.operations.credit import count_credit
from bench.operations.defining import count_changes, count_definitions
from bench.operations.invoicing import count_billing, count_invoices
from bench.operations.reading import count_reading, count_reading_open
from bench.operations.scene import open_scene
from bench.scaled import ScaledCounters
from bench.tally import Tally
from chalicelib.shared.time import ONE_DAY

BEGUN = datetime(2025, 12, 1, tzinfo=UTC)
FEBRUARY = datetime(2026, 2, 1, tzinfo=UTC)
LAST_QUARTER = FEBRUARY - timedelta(minutes=15)
NOW = LAST_QUARTER + timedelta(minutes=10)
DECEMBER_DUE = datetime(2026, 1, 2, 1, tzinfo=UTC)
_EVENTS = 1_000_000


def count_customer(tally: Tally) -> None:
    """Count what is done for a customer: defining, reading, billing, crediting."""
    with open_scene(tally, BEGUN) as scene:
        with tally.area("definitions"):
            count_definitions(scene)
        midnights = [BEGUN + day * ONE_DAY for day in range((FEBRUARY - BEGUN).days)]
        ScaledCounters(_EVENTS, midnights).fill(LAST_QUARTER)
        scene.set_clock(DECEMBER_DUE)
        with tally.area("billing"):
            count_billing(scene)
        scene.set_clock(NOW)
        with tally.area("reads"):
            count_reading(scene, LAST_QUARTER)
        with tally.area("credit"):
            count_credit(scene)
        with tally.area("reads"):
            scene.set_clock(NOW)
            count_reading_open(scene, LAST_QUARTER)
        scene.set_clock(FEBRUARY + timedelta(hours=25))
        scene.doors.run("rollup_usage")
        with tally.area("billing"):
            count_invoices(scene)
        with tally.area("definitions"):
            count_changes(scene)
