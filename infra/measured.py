"""What alarms and the dashboard look at: the service's own metrics, and those that AWS sends by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.platform.logging import SERVICE
from chalicelib.platform.metrics import NAMESPACE, Metric
from infra.functions import API
from infra.names import name_of

API_STAGE = "api"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A metric with its dimensions, and the statistic that says something about it."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    stat: str

    def as_alarm(self) -> dict[str, Any]:
        """Write it as an alarm of CloudFormation names one metric."""
        return {
            "Namespace": self.namespace,
            "MetricName": self.name,
            "Dimensions": [{"Name": name, "Value": value} for name, value in self.dimensions.items()],
        }

    def as_graph(self, label: str, **options: Any) -> list[Any]:
        """Write it as a line of a dashboard's graph."""
        dimensions = [part for pair in self.dimensions.items() for part in pair]
        return [self.namespace, self.name, *dimensions, {"label": label, "stat": self.stat, **options}]


def own(metric: Metric, stage: str) -> Measured:
    """Name one of the service's own metrics: counts are added up, of ages the greatest is told."""
    return Measured(
        namespace=NAMESPACE,
        name=metric.value,
        dimensions={"stage": stage, "service": SERVICE},
        stat="Sum" if metric.unit == "Count" else "Maximum",
    )


def of_function(name: str, function: str, stage: str) -> Measured:
    """Name a metric of a Lambda function: durations in milliseconds, the others are counts."""
    return Measured(
        namespace="AWS/Lambda",
        name=name,
        dimensions={"FunctionName": name_of(stage, function)},
        stat="Maximum" if name == "Duration" else "Sum",
    )


def of_queue(name: str, queue: str, stage: str) -> Measured:
    """Name a metric of a queue, or of a queue of dead letters."""
    return Measured(namespace="AWS/SQS", name=name, dimensions={"QueueName": name_of(stage, queue)}, stat="Maximum")


def of_table(name: str, table: str, stage: str) -> Measured:
    """Name a metric of a table: units or events, added up."""
    return Measured(namespace="AWS/DynamoDB", name=name, dimensions={"TableName": name_of(stage, table)}, stat="Sum")


def of_api(name: str, stage: str, *, stat: str = "Sum") -> Measured:
    """Name a metric of the API."""
    return Measured(
        namespace="AWS/ApiGateway",
        name=name,
        dimensions={"ApiName": name_of(stage, API), "Stage": API_STAGE},
        stat=stat,
    )
