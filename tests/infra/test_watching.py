"""Alarms and dashboard: each alarm has its page, each metric is one that somebody really sends, nothing overlaps."""

import ast
import json
import re
from decimal import Decimal
from itertools import combinations, pairwise
from typing import Any

import pytest

from chalicelib.platform.metrics import MEANINGS, NAMESPACE, Metric
from chalicelib.platform.tables import BaseModel
from infra.dashboard import WIDTH, dashboard_body, dashboard_resources
from infra.functions import API, FUNCTIONS
from infra.measured import API_STAGE, Measured
from infra.names import name_of
from infra.queues import queue_resources
from infra.tables import table_resources
from infra.watching import CONDITIONS, PARAMETERS, alarms, cost_table, monthly_costs, watching_resources
from tests.house.sources import ROOT, Source, calls, files, sample, text_of

STAGE = "prod"
OPERATIONS = ROOT / "docs/operations.md"
PARTS = ["What it means", "How urgent it is", "What customers see", "How to look", "How to mend it", "How to know"]
# AWS's own: the metrics used here of each namespace. Their dimensions must name things of the template.
OF_AWS = {
    "AWS/Lambda": {"Invocations", "Errors", "Duration"},
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"},
    "AWS/ApiGateway": {"Count", "4XXError", "5XXError", "Latency"},
    "AWS/DynamoDB": {
        *("ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"),
        *("ReadThrottleEvents", "WriteThrottleEvents"),
    },
}


@pytest.fixture(autouse=True)
def _tables_of_the_app_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the tables that other tests in this process have made for themselves."""
    own = [model for model in BaseModel.stored_models if model.__module__.startswith("chalicelib.")]
    monkeypatch.setattr(BaseModel, "stored_models", own)


def names_of(resources: dict[str, Any], kind: str, name: str) -> set[str]:
    return {one["Properties"][name] for one in resources.values() if one["Type"] == kind}


def dimensions_of(namespace: str) -> list[dict[str, str]]:
    """List the dimensions that metrics of a namespace have in this deployment."""
    found = {
        NAMESPACE: [{"stage": STAGE, "service": "meterfold"}],
        "AWS/Lambda": [{"FunctionName": name_of(STAGE, name)} for name in FUNCTIONS],
        "AWS/SQS": [
            {"QueueName": name} for name in names_of(queue_resources(STAGE), "AWS::SQS::Queue", "QueueName")
        ],
        "AWS/ApiGateway": [{"ApiName": name_of(STAGE, API), "Stage": API_STAGE}],
        "AWS/DynamoDB": [
            {"TableName": name} for name in names_of(table_resources(STAGE), "AWS::DynamoDB::Table", "TableName")
        ],
    }
    return found[namespace]


def unsent(namespace: str, name: str, dimensions: dict[str, str]) -> bool:
    """Tell whether nobody sends a metric."""
    known = {metric.value for metric in Metric} if namespace == NAMESPACE else OF_AWS[namespace]
    return name not in known or dimensions not in dimensions_of(namespace)


def graphs() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = dashboard_body(STAGE)["widgets"]
    return [widget for widget in found if widget["type"] == "metric"]


def graphed() -> list[tuple[str, str, dict[str, str]]]:
    lines = [line for graph in graphs() for line in graph["properties"]["metrics"]]
    return [(line[0], line[1], dict(zip(line[2:-1:2], line[3:-1:2], strict=True))) for line in lines]


def alarmed() -> list[tuple[str, str, dict[str, str]]]:
    return [(one.namespace, one.name, dict(one.dimensions)) for alarm in alarms(STAGE) for one in alarm.metrics]


def test_every_alarm_and_graph_looks_at_a_metric_that_is_sent() -> None:
    assert [one for one in [*alarmed(), *graphed()] if unsent(*one)] == []
    assert unsent(NAMESPACE, "Rollup", {"stage": STAGE, "service": "meterfold"})
    assert unsent(NAMESPACE, "RollupLag", {"stage": STAGE})
    assert unsent("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": "usage-events"})


def counted(of: list[Source]) -> set[str]:
    """List the metrics that the code counts: ``logging.count(Metric.X, …)`` or a function that hands one on."""
    return {
        argument.attr
        for source in of
        for call, name in calls(source)
        if name in {"logging.count", "_measure"}
        for argument in call.args
        if isinstance(argument, ast.Attribute) and ast.unparse(argument.value) == "Metric"
    }


def test_every_metric_is_counted_somewhere_shown_and_explained() -> None:
    # Only what may count one is parsed: that is quicker than all.
    texts = {name: text_of(name) or "" for name in files() if name.startswith("chalicelib/") and name.endswith(".py")}
    sources = [sample(text, name) for name, text in texts.items() if "Metric." in text]
    assert counted(sources) == {metric.name for metric in Metric}
    assert counted([sample("logging.count(Metric.A, 2)\nlogging.log(Metric.B)")]) == {"A"}
    assert {name for namespace, name, _ in graphed() if namespace == NAMESPACE} == {metric.value for metric in Metric}
    assert set(MEANINGS) == set(Metric)
    told = OPERATIONS.read_text()
    rows = [f"| `{metric.value}` | {metric.unit} | {MEANINGS[metric]} |" for metric in Metric]
    assert [row for row in rows if row not in told] == []


def test_each_alarm_has_a_page_and_each_page_an_alarm() -> None:
    pages = {name for name in files() if name.startswith("docs/alarms/")} - {"docs/alarms/README.md"}
    assert pages == {alarm.page for alarm in alarms(STAGE)}
    listed = (ROOT / "docs/alarms/README.md").read_text()
    assert [alarm.name for alarm in alarms(STAGE) if f"({alarm.name}.md)" not in listed] == []


@pytest.mark.parametrize("alarm", alarms(STAGE), ids=lambda alarm: alarm.name)
def test_the_page_of_an_alarm_says_all_that_somebody_who_was_woken_needs(alarm: Any) -> None:
    text = (ROOT / alarm.page).read_text()
    assert text.startswith(f"# {alarm.name}\n")
    found = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert [heading for part, heading in zip(PARTS, found, strict=True) if not heading.startswith(part)] == []
    # Commands to copy, and what the alarm looks at.
    assert "```" in text
    assert [one.name for one in alarm.metrics if one.name not in text] == []


def test_an_alarm_names_its_page_and_hears_only_a_topic_that_is_given() -> None:
    resources = watching_resources(STAGE)
    for alarm in alarms(STAGE):
        [found] = [
            one["Properties"]
            for one in resources.values()
            if one["Properties"].get("AlarmName") == f"meterfold-{STAGE}-{alarm.name}"
        ]
        assert found["AlarmDescription"].endswith(f"docs/alarms/{alarm.name}.md")
        assert found["AlarmActions"] == {
            "Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]
        }
    assert set(PARAMETERS) == {"Alarms", "AlarmTopicArn"}
    switched = {one.get("Condition") for one in resources.values() if one["Type"] == "AWS::CloudWatch::Alarm"}
    assert switched == {"AlarmsOn"} <= set(CONDITIONS)


def test_silence_alarms_only_about_schedules() -> None:
    silent = [alarm.name for alarm in alarms(STAGE) if alarm.is_lifeline]
    assert silent == ["rollup-stopped", "billing-stopped", "settling-stopped"]
    treated = {
        one["Properties"]["AlarmName"].removeprefix(f"meterfold-{STAGE}-"): one["Properties"]["TreatMissingData"]
        for one in watching_resources(STAGE).values()
        if one["Type"] == "AWS::CloudWatch::Alarm"
    }
    assert {name for name, what in treated.items() if what == "breaching"} == set(silent)
    assert set(treated.values()) == {"breaching", "notBreaching"}


def test_every_queue_of_dead_letters_has_an_alarm() -> None:
    queues = names_of(queue_resources(STAGE), "AWS::SQS::Queue", "QueueName")
    kept = {name for name in queues if "dead-letters" in name or "failed" in name}
    watched = {one["QueueName"] for _, name, one in alarmed() if name == "ApproximateNumberOfMessagesVisible"}
    assert len(kept) >= 4
    assert watched == kept


def test_an_alarm_can_be_evaluated() -> None:
    for alarm in alarms(STAGE):
        assert 1 <= alarm.alarming <= alarm.periods
        assert alarm.period_s % 60 == 0
        # CloudWatch looks at no more than a day.
        assert alarm.period_s * alarm.periods <= 86_400


def test_the_expression_of_an_alarm_names_its_parts() -> None:
    properties = watching_resources(STAGE)["RollupStoppedAlarm"]["Properties"]
    assert [one["Id"] for one in properties["Metrics"]] == ["m", "less", "left"]
    assert [one["ReturnData"] for one in properties["Metrics"]] == [False, False, True]
    assert (properties["ComparisonOperator"], properties["Threshold"]) == ("LessThanThreshold", 1)
    assert not {"MetricName", "Period", "Statistic"} & set(properties)


def test_the_dashboard_is_one_json_text_with_the_region_left_open() -> None:
    [resource] = dashboard_resources(STAGE).values()
    text = resource["Properties"]["DashboardBody"]["Fn::Sub"]
    assert set(re.findall(r"\$\{([^}]*)\}", text)) == {"AWS::Region"}
    body = json.loads(text.replace("${AWS::Region}", "eu-central-1"))
    regions = {widget["properties"]["region"] for widget in body["widgets"] if widget["type"] == "metric"}
    assert regions == {"eu-central-1"}
    # CloudWatch refuses more.
    assert len(body["widgets"]) <= 500


def overlaps(one: dict[str, Any], other: dict[str, Any]) -> bool:
    across = one["x"] < other["x"] + other["width"] and other["x"] < one["x"] + one["width"]
    down = one["y"] < other["y"] + other["height"] and other["y"] < one["y"] + one["height"]
    return bool(across and down)


def test_no_widgets_overlap_or_leave_the_dashboard() -> None:
    widgets = dashboard_body(STAGE)["widgets"]
    assert [pair for pair in combinations(widgets, 2) if overlaps(*pair)] == []
    assert max(one["x"] + one["width"] for one in widgets) == WIDTH
    assert all(one["x"] >= 0 and one["width"] >= 1 and one["height"] >= 1 for one in widgets)
    assert overlaps({"x": 0, "y": 0, "width": 3, "height": 2}, {"x": 2, "y": 1, "width": 3, "height": 2})


def test_no_row_of_the_dashboard_has_a_gap() -> None:
    widgets = dashboard_body(STAGE)["widgets"]
    for y in {one["y"] for one in widgets}:
        row = sorted((one for one in widgets if one["y"] == y), key=lambda one: int(one["x"]))
        assert row[0]["x"] == 0
        assert all(one["x"] + one["width"] == after["x"] for one, after in pairwise(row))


def test_graphs_are_drawn_of_well_formed_lines() -> None:
    for graph in graphs():
        properties = graph["properties"]
        assert properties["title"]
        assert properties["period"] % 60 == 0
        for line in properties["metrics"]:
            assert len(line) % 2 == 1, "a namespace, a name, pairs, options"
            assert set(line[-1]) == {"label", "stat"}
        labels = [line[-1]["label"] for line in properties["metrics"]]
        assert len(set(labels)) == len(labels)


def test_the_dashboard_is_among_those_that_are_free() -> None:
    assert len({(namespace, name, *one.items()) for namespace, name, one in graphed()}) <= 50


def test_an_idle_stage_without_alarms_costs_less_than_a_dollar() -> None:
    metrics, alarms_, dashboard, traces, logs = monthly_costs(STAGE)
    assert metrics.idle == 0
    assert metrics.busy == len(Metric) * Decimal("0.30")
    assert alarms_.idle == len(alarmed()) * Decimal("0.10")
    assert traces.idle + logs.idle < Decimal("0.10")
    assert dashboard.idle == 3


def test_the_costs_in_the_documents_are_those_of_the_counts() -> None:
    assert cost_table(STAGE) in OPERATIONS.read_text()


def test_a_metric_is_written_in_both_forms_alike() -> None:
    one = Measured(namespace="n", name="m", dimensions={"a": "1", "b": "2"}, stat="Sum")
    assert one.as_graph("l") == ["n", "m", "a", "1", "b", "2", {"label": "l", "stat": "Sum"}]
    assert one.as_alarm()["Dimensions"] == [{"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}]
