"""Definitions as JSON text, as they are stored, and back: exact, and the same text for the same definition."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from chalicelib.catalog.meters import Aggregation, Dimension, Filter, Meter, format_path, parse_path
from chalicelib.catalog.organizations import Organization, TaxRate
from chalicelib.shared import strict_json
from chalicelib.shared.numbers import show_decimal
from chalicelib.shared.time import format_instant, parse_instant

# Every process keeps all meters in memory, and reads them whole when one has changed.
MAX_METER_BYTES = 32_000
_TEXTS = ("email", "address", "legal_name", "tax_id", "purchase_order", "invoice_note")


def write_organization(organization: Organization) -> str:
    """Write an organization."""
    return strict_json.dump(
        {
            "id": organization.id,
            "name": organization.name,
            "currency": organization.currency,
            "timezone": organization.timezone,
            "created_at": format_instant(organization.created_at),
            **{name: getattr(organization, name) for name in _TEXTS},
            "tax_rates": [[rate.name, show_decimal(rate.percent)] for rate in organization.tax_rates],
        }
    )


def read_organization(text: str) -> Organization:
    """Read what ``write_organization`` wrote."""
    stored: dict[str, Any] = json.loads(text)
    rates = tuple(TaxRate(name, Decimal(percent)) for name, percent in stored["tax_rates"])
    return Organization(**{**stored, "created_at": parse_instant(stored["created_at"]), "tax_rates": rates})


def write_meter(meter: Meter) -> str:
    """Write a meter's definition; whether it has been counted is kept beside it."""
    return strict_json.dump(
        {
            "key": meter.key,
            "name": meter.name,
            "event_type": meter.event_type,
            "aggregation": meter.aggregation.value,
            "value": None if meter.value is None else format_path(meter.value),
            "dimensions": [[one.name, format_path(one.path)] for one in meter.dimensions],
            "filters": [[one.name, format_path(one.path), sorted(one.values)] for one in meter.filters],
            "unit": meter.unit,
            "strict": meter.strict,
            "count_from": format_instant(meter.count_from),
            "archived_at": _shown(meter.archived_at),
            "version": meter.version,
            "created_at": format_instant(meter.created_at),
        }
    )


def read_meter(text: str, *, counted: bool) -> Meter:
    """Read what ``write_meter`` wrote."""
    stored: dict[str, Any] = json.loads(text)
    return Meter(
        key=stored["key"],
        name=stored["name"],
        event_type=stored["event_type"],
        aggregation=Aggregation(stored["aggregation"]),
        value=None if stored["value"] is None else parse_path(stored["value"]),
        dimensions=tuple(Dimension(name, parse_path(path)) for name, path in stored["dimensions"]),
        filters=tuple(Filter(name, parse_path(path), frozenset(values)) for name, path, values in stored["filters"]),
        unit=stored["unit"],
        strict=stored["strict"],
        count_from=parse_instant(stored["count_from"]),
        archived_at=None if stored["archived_at"] is None else parse_instant(stored["archived_at"]),
        version=stored["version"],
        counted=counted,
        created_at=parse_instant(stored["created_at"]),
    )


def _shown(instant: datetime | None) -> str | None:
    return None if instant is None else format_instant(instant)
