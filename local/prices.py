"""What AWS asks for, and what is assumed where nothing was measured.

List prices of us-east-1 in US dollars, first volume tier, without free tiers and discounts, as the pages named beside
each showed them when they were looked up (``LOOKED_UP_ON``). They change rarely, mostly downwards; a file of one's own
prices takes their place with ``--prices``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

REGION = "us-east-1"
LOOKED_UP_ON = "2026-11-28"
MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """So many dollars for ``per`` of something, counted in ``unit``; ``page`` is where it stands."""

    service: str
    what: str
    unit: str
    dollars: Fraction
    per: int = 1
    page: str

    def of(self, quantity: Fraction) -> Fraction:
        """Tell what a quantity costs, in dollars."""
        return quantity * self.dollars / self.per


_DYNAMODB = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
_LAMBDA = "https://aws.amazon.com/lambda/pricing/"
_CLOUDWATCH = "https://aws.amazon.com/cloudwatch/pricing/"

PRICES: Mapping[str, Price] = {
    "api_requests": Price(
        service="API Gateway",
        what="requests to a REST API",
        unit="requests",
        dollars=Fraction("3.50"),
        per=MILLION,
        page="https://aws.amazon.com/api-gateway/pricing/",
    ),
    "lambda_requests": Price(
        service="Lambda", what="invocations", unit="invocations", dollars=Fraction("0.20"), per=MILLION, page=_LAMBDA
    ),
    "lambda_gb_s": Price(
        service="Lambda", what="GB-seconds on arm64", unit="GB-s", dollars=Fraction("0.0000133334"), page=_LAMBDA
    ),
    "write_units": Price(
        service="DynamoDB",
        what="write request units",
        unit="units",
        dollars=Fraction("0.625"),
        per=MILLION,
        page=_DYNAMODB,
    ),
    "read_units": Price(
        service="DynamoDB",
        what="read request units",
        unit="units",
        dollars=Fraction("0.125"),
        per=MILLION,
        page=_DYNAMODB,
    ),
    "storage_gb": Price(
        service="DynamoDB", what="GB stored for a month", unit="GB", dollars=Fraction("0.25"), page=_DYNAMODB
    ),
    "recovery_gb": Price(
        service="DynamoDB", what="GB restorable to any second", unit="GB", dollars=Fraction("0.20"), page=_DYNAMODB
    ),
    "queue_requests": Price(
        service="SQS",
        what="requests of up to 64 KB",
        unit="requests",
        dollars=Fraction("0.40"),
        per=MILLION,
        page="https://aws.amazon.com/sqs/pricing/",
    ),
    "bus_events": Price(
        service="EventBridge",
        what="custom events of up to 64 KB",
        unit="events",
        dollars=Fraction(1),
        per=MILLION,
        page="https://aws.amazon.com/eventbridge/pricing/",
    ),
    "log_gb": Price(
        service="CloudWatch", what="GB of logs taken in", unit="GB", dollars=Fraction("0.50"), page=_CLOUDWATCH
    ),
    "log_kept_gb": Price(
        service="CloudWatch", what="GB of logs kept", unit="GB", dollars=Fraction("0.03"), page=_CLOUDWATCH
    ),
    "metrics": Price(
        service="CloudWatch", what="custom metrics", unit="metrics", dollars=Fraction("0.30"), page=_CLOUDWATCH
    ),
    "alarms": Price(
        service="CloudWatch",
        what="metrics that alarms look at",
        unit="metrics",
        dollars=Fraction("0.10"),
        page=_CLOUDWATCH,
    ),
    "traces": Price(
        service="X-Ray",
        what="traces recorded",
        unit="traces",
        dollars=Fraction(5),
        per=MILLION,
        page="https://aws.amazon.com/xray/pricing/",
    ),
    "package_gb": Price(
        service="S3",
        what="GB of packages",
        unit="GB",
        dollars=Fraction("0.023"),
        page="https://aws.amazon.com/s3/pricing/",
    ),
}

# The memory at which a function has one whole processor; with less it has its share of one.
WHOLE_PROCESSOR_MB = 1769
# How long a strongly consistent read or a write, and a transaction, keep a function waiting.
WAIT_MS, TRANSACTION_WAIT_MS = 5, 20
# The CPU of a call to DynamoDB that the bench does not see: signing, TLS, the socket.
CALL_CPU_MS = Fraction(1, 2)
# Starting an environment: importing the app, connecting.
COLD_START_MS = 1000
# Lambda's own lines for an invocation (START, END, REPORT), and what CloudWatch adds to each line.
PLATFORM_LOG_LINES, PLATFORM_LOG_BYTES, LINE_BYTES = 3, 300, 26
# DynamoDB adds so much to each item that it stores.
ITEM_OVERHEAD_BYTES = 100
# SQS and EventBridge count a payload by the chunk begun.
CHUNK_BYTES = 64 * 1024
# What Lambda traces of what comes without a decision, beyond the first of each second.
TRACED_SHARE = Fraction(5, 100)
# Long polls that Lambda keeps open on a queue where nothing comes, and how many of them end in a minute.
POLLERS, POLLERS_WITH_LIMIT, POLLS_A_MINUTE = 2, 5, 3


def read_prices(file: Path | None) -> Mapping[str, Price]:
    """Give the prices, those in a file of JSON, such as ``{"write_units": "0.70"}``, in place of the list's.

    Raises ``ValueError`` for a name that is no price.
    """
    if file is None:
        return PRICES
    own = json.loads(file.read_text(encoding="utf-8"), parse_float=str, parse_int=str)
    unknown = sorted(set(own) - set(PRICES))
    if unknown:
        raise ValueError(f"no such price: {', '.join(unknown)}; there are {', '.join(PRICES)}")
    return {
        name: replace(price, dollars=Fraction(own[name]), page=str(file)) if name in own else price
        for name, price in PRICES.items()
    }
