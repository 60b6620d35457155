"""Made-up answers about usage."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.console.fake_api import NOW, SESSION, FakeApi, listed

TODAY = datetime(2026, 1, 20, tzinfo=UTC)
OPERATOR: dict[str, Any] = {**SESSION, "role": "admin", "organization": None}
SUBSCRIPTION: dict[str, Any] = {
    "id": "sub_acme.1",
    "status": "active",
    "start": "2025-12-01T00:00:00Z",
    "current_period": {"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"},
    "previous_period": {"start": "2025-12-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"},
    "usage_history_days": 90,
}
MARKUP = '<img src=x onerror=alert(1)>"><script>alert(2)</script>'
Group = Mapping[str, str] | None


def instant(day: datetime) -> str:
    """Write an instant as the API does."""
    return f"{day:%Y-%m-%dT%H:%M:%SZ}"


def windows_of(values: Sequence[str | None], group: Group = None, *, rest: bool = False) -> list[dict[str, Any]]:
    """Make the daily windows of a series that ends today; ``None`` leaves one out."""
    first = TODAY - timedelta(days=len(values) - 1)
    days = [first + timedelta(days=index) for index in range(len(values))]
    return [
        {
            "start": instant(day),
            "end": instant(day + timedelta(days=1)),
            "group": group,
            **({"rest": True} if rest else {}),
            "value": value,
        }
        for day, value in zip(days, values, strict=True)
        if value is not None
    ]


def usage(key: str, windows: Iterable[Mapping[str, Any]], **fields: Any) -> dict[str, Any]:
    """Make the usage of a meter."""
    return {
        "meter": key,
        "name": key.title(),
        "unit": "token",
        "aggregation": "sum",
        "billable": False,
        "counting": False,
        "total": "6",
        "previous_total": "4",
        "windows": sorted(windows, key=lambda each: str(each["start"])),
        **fields,
    }


def answer(*meters: Mapping[str, Any], days: int = 30) -> dict[str, Any]:
    """Make an answer over the days until today."""
    return {
        "from": instant(TODAY - timedelta(days=days - 1)),
        "to": instant(TODAY + timedelta(days=1)),
        "window": "day",
        "timezone": "UTC",
        "as_of": NOW,
        "data": list(meters),
    }


def meter(key: str, *dimensions: str) -> dict[str, Any]:
    """Make a meter as the list of meters shows it."""
    return {"key": key, "name": key.title(), "dimensions": {name: name for name in dimensions}}


def usage_api(shown: Any, *meters: Mapping[str, Any], subscriptions: Sequence[Any] = (SUBSCRIPTION,)) -> FakeApi:
    """Give an API that answers the usage of one organization."""
    api = FakeApi()
    api.on("organizations/acme/usage", shown)
    api.on("organizations/acme/subscriptions", listed(*subscriptions))
    api.on("meters", listed(*meters))
    return api


def asked_usage(api: FakeApi) -> list[dict[str, list[str]]]:
    """List the parameters of every question about usage."""
    return [query for _, path, query, _ in api.asked if path.endswith("/usage")]


def of_every_kind() -> dict[str, Any]:
    """Make what is hard to lay out: long and right-to-left names, 18 digits, eleven groups, lines, counting."""
    models = [f"model-{number}-with-a-rather-long-name-of-a-fine-tuned-variant" for number in range(8)]
    grouped = [each for name in models for each in windows_of(["1", "2", "3"], {"model": name})]
    others = [
        *windows_of(["7", None, "1.5"], {"model": ""}),
        *windows_of(["2", "2", "2"], rest=True),
        *windows_of(["1", "1", "1"], {"model": "نموذج"}),
    ]
    lines = [*windows_of(["1", None, "3"], {"model": models[0]}), *windows_of(["0.5", "2", None], {"model": ""})]
    plain = windows_of(["123456789012345678.123456789012"] * 3, {"model": ""})
    return answer(
        usage("long", [*grouped, *others], name="A very long name of a metric " * 8, unit="unit " * 20, billable=True),
        usage("arabic", lines, name="رموز الاستدلال", unit="رمز", aggregation="max", counting=True),
        usage("huge", plain, total="370370367037037034.370370367036", previous_total="999999999999999999"),
        usage("fresh", windows_of(["1"], {"model": ""}), total="1", previous_total="0", unit=None),
        usage("same", windows_of(["-4"], {"model": ""}), total="-4", previous_total="-4"),
    )
