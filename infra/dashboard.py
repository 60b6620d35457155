"""The dashboard of a stage: what comes in, what is behind, what clients get, what the tables and queues do.

It refers to at most 50 metrics: then it is one of the first three dashboards of an account, which are free.
"""

import json
from collections.abc import Sequence
from typing import Any

from chalicelib.platform.metrics import A_MARK_MAY_WAIT_S, BILLING_MAY_LAG_S, ROLLUP_MAY_LAG_S, Metric
from infra.functions import FAILED_INVOCATIONS
from infra.measured import of_api, of_function, of_queue, of_table, own
from infra.names import Resources, name_of
from infra.queues import QUEUES, USAGE_EVENTS, dead_letters_of
from infra.tables import table_names

WIDTH = 24
_HEIGHT, _HEADING_HEIGHT = 6, 2
_PERIOD_S = 300
# Nothing is read from it yet.
_NEVER_THROTTLED = {"outbox"}

Graph = dict[str, Any]


def dashboard_resources(stage: str) -> Resources:
    """Define the dashboard of a stage."""
    body = json.dumps(dashboard_body(stage), separators=(",", ":"))
    return {
        "Dashboard": {
            "Type": "AWS::CloudWatch::Dashboard",
            "Properties": {"DashboardName": name_of(stage, "dashboard"), "DashboardBody": {"Fn::Sub": body}},
        }
    }


def dashboard_body(stage: str) -> dict[str, Any]:
    """Lay out the dashboard: a heading, then rows of graphs of one height; the region is left to the template."""
    heading = (
        f"## Meterfold, stage {stage}\n"
        "What is behind, and since when: `GET /v1/health`. What each graph means: docs/operations.md. "
        "What an alarm wants: docs/alarms."
    )
    widgets = [_placed({"type": "text", "properties": {"markdown": heading}}, 0, 0, (WIDTH, _HEADING_HEIGHT))]
    for row, graphs in enumerate(_rows(stage)):
        width = WIDTH // len(graphs)
        for place, graph in enumerate(graphs):
            y = _HEADING_HEIGHT + row * _HEIGHT
            widgets.append(_placed(graph, place * width, y, (width, _HEIGHT)))
    return {"start": "-P1D", "periodOverride": "inherit", "widgets": widgets}


def _placed(widget: Graph, x: int, y: int, size: tuple[int, int]) -> dict[str, Any]:
    return {"type": widget["type"], "x": x, "y": y, "width": size[0], "height": size[1], **widget}


def _rows(stage: str) -> list[list[Graph]]:
    return [_ingest(stage), _lags(stage), _billing(stage), _api(stage), _tables(stage), _queues(stage)]


def _graph(title: str, lines: Sequence[list[Any]], *, may: int | None = None, what: str = "", **more: Any) -> Graph:
    """Draw lines over time; ``may`` draws the limit that an alarm is for, ``what`` names the axis."""
    properties: dict[str, Any] = {
        "title": title,
        "view": "timeSeries",
        "stacked": False,
        "region": "${AWS::Region}",
        "period": _PERIOD_S,
        "metrics": list(lines),
        "yAxis": {"left": {"min": 0, "label": what, "showUnits": False}},
        **more,
    }
    if may is not None:
        properties["annotations"] = {"horizontal": [{"label": "alarm", "value": may}]}
    return {"type": "metric", "properties": properties}


def _ingest(stage: str) -> list[Graph]:
    came = [
        own(Metric.ACCEPTED_EVENTS, stage).as_graph("accepted"),
        own(Metric.REJECTED_EVENTS, stage).as_graph("rejected"),
    ]
    found = [
        own(Metric.DUPLICATE_EVENTS, stage).as_graph("duplicates"),
        own(Metric.CONFLICTING_EVENTS, stage).as_graph("conflicts"),
        own(Metric.UNUSABLE_EVENTS, stage).as_graph("unusable"),
    ]
    return [_graph("Events by all doors", came), _graph("Events found by the rollup to be", found)]


def _lags(stage: str) -> list[Graph]:
    return [
        _graph("Rollup lag", [own(Metric.ROLLUP_LAG, stage).as_graph("lag")], may=ROLLUP_MAY_LAG_S, what="seconds"),
        _graph(
            "Oldest dirty mark left",
            [own(Metric.OLDEST_DIRTY_MARK, stage).as_graph("age")],
            may=A_MARK_MAY_WAIT_S,
            what="seconds",
        ),
        _graph("Billing lag", [own(Metric.BILLING_LAG, stage).as_graph("lag")], may=BILLING_MAY_LAG_S, what="seconds"),
    ]


def _billing(stage: str) -> list[Graph]:
    made = [own(Metric.INVOICES_FINALIZED, stage).as_graph("finalized")]
    wrong = [
        own(Metric.BLOCKED_INVOICES, stage).as_graph("blocked drafts"),
        own(Metric.LEDGER_FAILURES, stage).as_graph("ledger failures"),
    ]
    names = ("rollup_usage", "run_billing", "settle_credits")
    took = [of_function("Duration", name, stage).as_graph(name) for name in names]
    return [
        _graph("Invoices", made, period=3600),
        _graph("Blocked drafts and wrong ledgers", wrong, period=3600),
        _graph("Longest scheduled run", took, what="milliseconds"),
    ]


def _api(stage: str) -> list[Graph]:
    answered = [of_api(name, stage).as_graph(label) for name, label in _ANSWERS.items()]
    latency = [of_api("Latency", stage, stat=stat).as_graph(stat) for stat in ("p50", "p95", "p99")]
    failed = [
        own(Metric.FAULTS, stage).as_graph("faults"),
        own(Metric.BUSY, stage).as_graph("busy"),
        own(Metric.THROTTLES, stage).as_graph("throttled calls"),
    ]
    return [
        _graph("Requests", answered),
        _graph("Latency", latency, what="milliseconds"),
        _graph("Given up, or tried again", failed),
    ]


_ANSWERS = {"Count": "all", "4XXError": "refused (4xx)", "5XXError": "failed (5xx)"}


def _tables(stage: str) -> list[Graph]:
    tables = table_names()
    read = [of_table("ConsumedReadCapacityUnits", table, stage).as_graph(table) for table in tables]
    written = [of_table("ConsumedWriteCapacityUnits", table, stage).as_graph(table) for table in tables]
    throttled = [
        of_table(f"{way}ThrottleEvents", table, stage).as_graph(f"{table} {way.lower()}")
        for table in tables
        if table not in _NEVER_THROTTLED
        for way in ("Read", "Write")
    ]
    return [
        _graph("Read units", read, stacked=True),
        _graph("Write units", written, stacked=True),
        _graph("Throttled", throttled),
    ]


def _queues(stage: str) -> list[Graph]:
    waiting = [of_queue("ApproximateNumberOfMessagesVisible", USAGE_EVENTS, stage).as_graph("messages")]
    age = [of_queue("ApproximateAgeOfOldestMessage", USAGE_EVENTS, stage).as_graph("oldest")]
    kept = [
        of_queue("ApproximateNumberOfMessagesVisible", queue, stage).as_graph(queue)
        for queue in (*map(dead_letters_of, QUEUES), FAILED_INVOCATIONS)
    ]
    return [
        _graph("Waiting in usage-events", waiting),
        _graph("Oldest in usage-events", age, may=900, what="seconds"),
        _graph("Dead letters", kept),
    ]
