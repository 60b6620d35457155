"""The alarms: one for each thing that needs a person, each with a page in ``docs/alarms`` that says what to do.

Metrics that are not there mean that nothing happened, so they alarm nobody. The exception are the three alarms that a
schedule has stopped: there, silence is the fault.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from chalicelib.platform.metrics import A_MARK_MAY_WAIT_S, BILLING_MAY_LAG_S, ROLLUP_MAY_LAG_S, Metric
from infra.functions import API, FAILED_INVOCATIONS
from infra.measured import API_STAGE, Measured, of_api, of_function, of_queue, own
from infra.names import Resource, Resources, logical_id, name_of
from infra.queues import QUEUES, USAGE_EVENTS, dead_letters_of
from infra.switches import is_on, switch

PARAMETERS: Mapping[str, Any] = {
    "Alarms": switch("Whether there are alarms; each costs about $0.10 a month for every metric it looks at."),
    "AlarmTopicArn": {
        "Type": "String",
        "Default": "",
        "Description": "The SNS topic that hears when an alarm begins and ends; without one they only show.",
    },
}
_ON, _HAS_TOPIC = "AlarmsOn", "HasAlarmTopic"
CONDITIONS: Mapping[str, Any] = {
    _ON: is_on("Alarms"),
    _HAS_TOPIC: {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmTopicArn"}, ""]}]},
}

_FIVE_MINUTES, _QUARTER_HOUR, _HOUR = 300, 900, 3600
# Of the requests that API Gateway sends on. Without a rule the first of each second is traced, which below one request
# a second is every one.
_TRACED_SHARE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An alarm: in ``alarming`` of the last ``periods`` periods the metric has reached the threshold.

    ``less`` is taken off ``metric`` first; with ``is_lifeline`` it alarms below the threshold, and in silence.
    """

    name: str
    says: str
    metric: Measured
    threshold: int
    period_s: int = _FIVE_MINUTES
    periods: int = 1
    alarming: int = 1
    less: Measured | None = None
    is_lifeline: bool = False

    @property
    def page(self) -> str:
        """Give the path of the page that says what to do."""
        return f"docs/alarms/{self.name}.md"

    @property
    def metrics(self) -> list[Measured]:
        """List the metrics it looks at: it is paid by their number."""
        return [self.metric] if self.less is None else [self.metric, self.less]


def watching_resources(stage: str) -> Resources:
    """Define the alarms of a stage, and which of its requests are traced."""
    return {
        **{f"{logical_id(alarm.name)}Alarm": _alarm_resource(alarm, stage) for alarm in alarms(stage)},
        **_tracing(stage),
    }


def alarms(stage: str) -> list[Alarm]:
    """List the alarms of a stage."""
    return [
        *_usage_alarms(stage),
        *_billing_alarms(stage),
        *_request_alarms(stage),
        *_dead_letter_alarms(stage),
        *_stopped_alarms(stage),
    ]


def _usage_alarms(stage: str) -> list[Alarm]:
    return [
        Alarm(
            name="rollup-behind",
            says="The rollup stores counters later than it may.",
            metric=own(Metric.ROLLUP_LAG, stage),
            threshold=ROLLUP_MAY_LAG_S,
            periods=3,
            alarming=3,
        ),
        Alarm(
            name="oldest-dirty-mark",
            says="A dirty mark cannot be rolled up, or the rollup does not get to it.",
            metric=own(Metric.OLDEST_DIRTY_MARK, stage),
            threshold=A_MARK_MAY_WAIT_S,
            periods=2,
            alarming=2,
        ),
        Alarm(
            name="usage-events-late",
            says="Events wait in the queue usage-events.",
            metric=of_queue("ApproximateAgeOfOldestMessage", USAGE_EVENTS, stage),
            threshold=_QUARTER_HOUR,
            periods=2,
            alarming=2,
        ),
    ]


def _billing_alarms(stage: str) -> list[Alarm]:
    return [
        Alarm(
            name="billing-behind",
            says="An organization has been due for billing longer than it may be.",
            metric=own(Metric.BILLING_LAG, stage),
            threshold=BILLING_MAY_LAG_S,
            period_s=_HOUR,
        ),
        Alarm(
            name="blocked-invoices",
            says="A draft is due and cannot be billed right.",
            metric=own(Metric.BLOCKED_INVOICES, stage),
            threshold=1,
            period_s=_HOUR,
        ),
        Alarm(
            name="ledger-failure",
            says="A credit ledger, or the sums of a wallet, were found wrong.",
            metric=own(Metric.LEDGER_FAILURES, stage),
            threshold=1,
        ),
    ]


def _request_alarms(stage: str) -> list[Alarm]:
    return [
        Alarm(
            name="faults",
            says="Something ended in a fault that nobody expected.",
            metric=own(Metric.FAULTS, stage),
            threshold=1,
        ),
        Alarm(
            name="api-errors",
            says="Clients of the API get errors of the server.",
            metric=of_api("5XXError", stage),
            threshold=5,
            periods=3,
            alarming=2,
        ),
        Alarm(
            name="busy",
            says="Requests are given up because the storage throttles or writers keep losing their race.",
            metric=own(Metric.BUSY, stage),
            threshold=10,
            periods=3,
            alarming=3,
        ),
        Alarm(
            name="throttles",
            says="DynamoDB keeps refusing calls as too many.",
            metric=own(Metric.THROTTLES, stage),
            threshold=100,
            periods=3,
            alarming=3,
        ),
    ]


def _dead_letter_alarms(stage: str) -> list[Alarm]:
    kept = {dead_letters_of(queue): f"A message of the queue {queue} was given up." for queue in QUEUES}
    kept[FAILED_INVOCATIONS] = "A direct invocation that nobody waited for was given up."
    return [
        Alarm(
            name=queue,
            says=says,
            metric=of_queue("ApproximateNumberOfMessagesVisible", queue, stage),
            threshold=1,
        )
        for queue, says in kept.items()
    ]


def _stopped_alarms(stage: str) -> list[Alarm]:
    return [
        Alarm(
            name=name,
            says=f"No run of {function} has succeeded for {told}.",
            metric=of_function("Invocations", function, stage),
            less=of_function("Errors", function, stage),
            threshold=1,
            period_s=period_s,
            periods=periods,
            alarming=periods,
            is_lifeline=True,
        )
        for name, function, told, period_s, periods in (
            ("rollup-stopped", "rollup_usage", "half an hour", _QUARTER_HOUR, 2),
            ("billing-stopped", "run_billing", "three hours", _HOUR, 3),
            ("settling-stopped", "settle_credits", "three hours", _HOUR, 3),
        )
    ]


def _alarm_resource(alarm: Alarm, stage: str) -> Resource:
    heard = {"Fn::If": [_HAS_TOPIC, [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Condition": _ON,
        "Properties": {
            "AlarmName": name_of(stage, alarm.name),
            "AlarmDescription": f"{alarm.says} What to do: {alarm.page}",
            **_looked_at(alarm),
            "Threshold": alarm.threshold,
            "ComparisonOperator": "LessThanThreshold" if alarm.is_lifeline else "GreaterThanOrEqualToThreshold",
            "EvaluationPeriods": alarm.periods,
            "DatapointsToAlarm": alarm.alarming,
            "TreatMissingData": "breaching" if alarm.is_lifeline else "notBreaching",
            "AlarmActions": heard,
            "OKActions": heard,
        },
    }


def _looked_at(alarm: Alarm) -> dict[str, Any]:
    if alarm.less is None:
        return {**alarm.metric.as_alarm(), "Statistic": alarm.metric.stat, "Period": alarm.period_s}
    parts = {"m": alarm.metric, "less": alarm.less}
    read = [
        {
            "Id": id_,
            "ReturnData": False,
            "MetricStat": {"Metric": one.as_alarm(), "Period": alarm.period_s, "Stat": one.stat},
        }
        for id_, one in parts.items()
    ]
    return {"Metrics": [*read, {"Id": "left", "Expression": "m - less", "ReturnData": True}]}


def _tracing(stage: str) -> Resources:
    rule = {
        "RuleName": name_of(stage, "requests"),
        "Version": 1,
        "Priority": 1000,
        "ServiceName": f"{name_of(stage, API)}/{API_STAGE}",
        "ServiceType": "AWS::ApiGateway::Stage",
        "ReservoirSize": 0,
        "FixedRate": _TRACED_SHARE,
        **dict.fromkeys(("Host", "HTTPMethod", "URLPath", "ResourceARN"), "*"),
    }
    return {"RequestSampling": {"Type": "AWS::XRay::SamplingRule", "Properties": {"SamplingRule": rule}}}


# Prices of us-east-1, in dollars a month, from the pages "Amazon CloudWatch pricing" and "AWS X-Ray pricing".
A_METRIC, AN_ALARMED_METRIC, A_DASHBOARD = Decimal("0.30"), Decimal("0.10"), Decimal(3)
A_GB_OF_LOGS, A_MILLION_TRACES = Decimal("0.50"), Decimal(5)
_HOURS_A_MONTH = 730
_IDLE_RUNS = _HOURS_A_MONTH * (12 + 1 + 1)
# A line of an idle run, and what Lambda writes around it (INIT_START, START, END, REPORT), at most.
_IDLE_LOG_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """What a part costs in a month, in dollars: while nothing happens, and when everything happens every hour."""

    what: str
    idle: Decimal
    busy: Decimal


def monthly_costs(stage: str) -> list[Cost]:
    """Work out what watching a stage costs, before AWS's free tier: its counts times the published prices."""
    metrics, alarmed = len(Metric), sum(len(alarm.metrics) for alarm in alarms(stage))
    traces = _IDLE_RUNS * A_MILLION_TRACES / 10**6
    logs = _IDLE_RUNS * _IDLE_LOG_BYTES * A_GB_OF_LOGS / 10**9
    return [
        Cost(f"{metrics} metrics, each for the hours in which it is sent", Decimal(0), metrics * A_METRIC),
        Cost(f"{len(alarms(stage))} alarms on {alarmed} metrics", *(alarmed * AN_ALARMED_METRIC,) * 2),
        Cost("1 dashboard, where there are three already", *(A_DASHBOARD,) * 2),
        Cost(f"traces of {_IDLE_RUNS:,} scheduled runs", *(traces,) * 2),
        Cost(f"log lines of {_IDLE_RUNS:,} scheduled runs", *(logs,) * 2),
    ]


def cost_table(stage: str) -> str:
    """Write the costs as the table of ``docs/operations.md``."""
    rows = [f"| {one.what} | {one.idle:.2f} | {one.busy:.2f} |" for one in monthly_costs(stage)]
    return "\n".join(["| $ a month | idle | busy every hour |", "|---|---|---|", *rows])
