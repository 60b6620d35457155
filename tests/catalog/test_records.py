"""What is stored reads back as it was, and the same definition is always the same text."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.catalog.meters import Aggregation, Dimension, Filter, Meter, MeterStatus, format_path, parse_path
from chalicelib.catalog.organizations import Organization, TaxRate
from chalicelib.catalog.records import read_meter, read_organization, write_meter, write_organization
from chalicelib.shared.money import minor_digits
from chalicelib.shared.time import instant_of

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
instants = st.integers(0, 2 * 10**17).map(instant_of)
percents = st.decimals(min_value=0, max_value=100, places=12)
parts = st.text(
    st.characters(exclude_characters=".\x7f", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=10
)
paths = st.lists(parts, min_size=1, max_size=15).map(tuple)

organizations = st.builds(
    Organization,
    id=texts,
    name=texts,
    currency=st.sampled_from(["USD", "JPY"]),
    timezone=st.sampled_from(["UTC", "Asia/Tokyo"]),
    created_at=instants,
    email=st.none() | texts,
    address=st.none() | texts,
    tax_rates=st.lists(st.builds(TaxRate, texts, percents), max_size=3).map(tuple),
)
meters = st.builds(
    Meter,
    key=texts,
    name=texts,
    event_type=texts,
    aggregation=st.sampled_from(list(Aggregation)),
    value=st.none() | paths,
    dimensions=st.lists(st.builds(Dimension, texts, paths), max_size=3).map(tuple),
    filters=st.lists(st.builds(Filter, texts, paths, st.frozensets(texts, min_size=1)), max_size=3).map(tuple),
    unit=st.none() | texts,
    strict=st.booleans(),
    count_from=instants,
    archived_at=st.none() | instants,
    version=st.integers(1, 10**9),
    counted=st.booleans(),
    created_at=instants,
)


@given(organizations)
def test_an_organization_reads_back_as_it_was_written(organization: Organization) -> None:
    assert read_organization(write_organization(organization)) == organization


@given(meters)
def test_a_meter_reads_back_as_it_was_written(meter: Meter) -> None:
    assert read_meter(write_meter(meter), counted=meter.counted) == meter


@given(percents)
def test_a_percentage_is_stored_without_loss_or_exponent(percent: Decimal) -> None:
    made = Organization(
        id="a",
        name="A",
        currency="USD",
        timezone="UTC",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        tax_rates=(TaxRate("VAT", percent),),
    )
    text = write_organization(made)
    assert read_organization(text).tax_rates[0].percent == percent
    assert write_organization(read_organization(text)) == text


@given(paths)
def test_a_path_is_shown_as_it_was_given(path: tuple[str, ...]) -> None:
    assert parse_path(format_path(path)) == path


@pytest.mark.parametrize("text", ["", ".", "a.", "a..b", "a\n", "\x7f", ".".join("a" * 16), "b" * 101])
def test_what_is_no_path_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        parse_path(text)


def test_a_meter_is_archived_before_it_is_counting_or_active() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    shown = {
        (counted, archived_at): Meter(
            key="a",
            name="A",
            event_type="a",
            aggregation=Aggregation.COUNT,
            value=None,
            dimensions=(),
            filters=(),
            unit=None,
            strict=False,
            count_from=now - timedelta(days=1),
            archived_at=archived_at,
            version=1,
            counted=counted,
            created_at=now,
        ).status
        for counted in (True, False)
        for archived_at in (None, now)
    }
    assert shown == {
        (True, None): MeterStatus.ACTIVE,
        (False, None): MeterStatus.COUNTING,
        (True, now): MeterStatus.ARCHIVED,
        (False, now): MeterStatus.ARCHIVED,
    }


def test_additive_are_the_aggregations_whose_groups_sum_up() -> None:
    assert [one.value for one in Aggregation if one.is_additive] == ["count", "sum", "time_weighted"]


@pytest.mark.parametrize(
    ("currency", "digits"),
    [("USD", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("UGX", 0), ("HUF", 2), ("DEM", None), ("XAU", None), ("", None)],
)
def test_minor_digits_are_those_of_iso_4217(currency: str, digits: int | None) -> None:
    assert minor_digits(currency) == digits
