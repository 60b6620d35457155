"""Counting past events for a new meter: complete, resumable, and told while it goes on."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.catalog import service
from chalicelib.platform.writes import commit
from chalicelib.shared.time import parse_instant
from chalicelib.usage import rollup
from chalicelib.usage.counting import count_past_events
from tests.usage.build import event, meter
from tests.usage.stored import add_meter, add_organization, catalog_now, roll, send, total

NOW = "2026-01-20T00:00:00Z"
RANGE = ("2026-01-01T00:00:00Z", "2026-01-20T00:00:00Z")


@pytest.fixture(autouse=True)
def _stored_usage(engine: None) -> None:
    add_meter(meter("sum"))
    for organization in ("acme", "beta", "coma"):
        add_organization(organization, "Asia/Kathmandu")
        send(
            *(event(f"e{day}", f"2026-01-{day:02}T18:14:00Z", tokens=day) for day in range(1, 19)),
            organization=organization,
        )
    roll(NOW)


def test_a_new_meter_counts_what_is_stored() -> None:
    add_meter(meter("count", key="requests"), counted=False)
    assert total("requests", *RANGE, now=NOW) == "0"
    assert catalog_now().meters["requests"].status == "counting"
    report = count_past_events(lambda: parse_instant(NOW), has_time=lambda: True)
    assert report.finished
    assert total("requests", *RANGE, now=NOW) == "18"
    assert catalog_now().meters["requests"].status == "active"


def test_a_job_stopped_after_every_step_still_counts_everything_once() -> None:
    add_meter(meter("count", key="requests"), counted=False)
    runs = 0
    while not count_past_events(lambda: parse_instant(NOW), has_time=lambda: False).finished:
        runs += 1
        assert runs < 1000
    assert runs > 3
    assert total("requests", *RANGE, now=NOW) == "18"
    assert total("tokens", *RANGE, now=NOW) == str(sum(range(1, 19)))


def test_a_finished_job_does_nothing() -> None:
    assert count_past_events(lambda: parse_instant(NOW), has_time=lambda: True).days == 0


def test_a_meter_created_during_a_pass_waits_for_the_next_one() -> None:
    add_meter(meter("count", key="requests"), counted=False)
    count_past_events(lambda: parse_instant(NOW), has_time=lambda: False)
    add_meter(meter("max", key="largest"), counted=False)
    while not count_past_events(lambda: parse_instant(NOW), has_time=lambda: True).finished:
        pass
    assert catalog_now().meters["requests"].status == "active"
    assert catalog_now().meters["largest"].status == "counting"
    count_past_events(lambda: parse_instant(NOW), has_time=lambda: True)
    assert catalog_now().meters["largest"].status == "active"
    assert total("largest", *RANGE, now=NOW) == "18"


def test_a_run_stopped_between_a_quarter_hour_and_its_day_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    add_meter(meter("count", key="requests"), counted=False)

    class Stopped(BaseException):
        pass

    def stop(*_: object) -> bool:
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(rollup, "store_day", stop)
        with pytest.raises(Stopped):
            count_past_events(lambda: parse_instant(NOW), has_time=lambda: True)
    assert count_past_events(lambda: parse_instant(NOW), has_time=lambda: True).finished
    assert total("requests", *RANGE, now=NOW) == "18"


def test_events_before_count_from_are_never_counted() -> None:
    add_meter(meter("count", key="requests", count_from="2026-01-10T18:14:00Z"), counted=False)
    count_past_events(lambda: parse_instant(NOW), has_time=lambda: True)
    assert total("requests", *RANGE, now=NOW) == "9"


def test_an_archived_meter_still_finishes_counting() -> None:
    made = add_meter(meter("count", key="requests"), counted=False)
    catalog = catalog_now()
    ended = replace(made, archived_at=parse_instant(NOW) - timedelta(days=5), version=catalog.version + 1)
    commit(service.definition_writes(ended, catalog, is_new=False))
    count_past_events(lambda: parse_instant(NOW), has_time=lambda: True)
    assert catalog_now().meters["requests"].counted
    assert total("requests", *RANGE, now=NOW) == "14"


def test_days_ahead_of_a_clock_that_was_set_back_are_counted_too() -> None:
    add_meter(meter("count", key="requests"), counted=False)
    assert count_past_events(lambda: parse_instant("2026-01-02T00:00:00Z"), has_time=lambda: True).finished
    assert total("requests", *RANGE, now=NOW) == "18"
