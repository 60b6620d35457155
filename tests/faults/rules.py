"""What may go wrong with a call to DynamoDB, as rules for the tap.

Times: a fault ``before`` means that the call was not carried out; ``after`` that it was, and its answer was lost.
"""

import itertools
import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from tests.faults.tap import Call, Crash, Reply, Request, Rule, Send

Fault = Callable[[Call], BaseException]
BEFORE, AFTER = "before", "after"


def at(number: int, fault: Fault, when: str = BEFORE, *, times: int = 1) -> Rule:
    """Raise a fault at the call of a number, and at the calls that follow it while ``times`` lasts."""

    def rule(call: Call, send: Send) -> Reply:
        if not number <= call.number < number + times:
            return send(call.request)
        if when == AFTER:
            # The answer is lost, also one that would have refused.
            with suppress(ClientError):
                send(call.request)
        raise fault(call)

    return rule


def crash_at(number: int, when: str) -> Rule:
    """Let the process die at the call of a number."""
    return at(number, lambda call: Crash(f"{when} {call.operation} {call.number}"), when)


def _service_error(code: str, status: int, **more: Any) -> Fault:
    def fault(call: Call) -> ClientError:
        response = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}, **more}
        return ClientError(response, call.operation)

    return fault


def _cancelled(reason: str) -> Fault:
    """Cancel a transaction; a call that is none gets the plain error of the same meaning."""

    def fault(call: Call) -> BaseException:
        if call.operation != "TransactWriteItems":
            plain = "ThrottlingException" if reason == "ThrottlingError" else "TransactionConflictException"
            return _service_error(plain, 400)(call)
        others = [{"Code": "None"} for _ in call.request["TransactItems"][1:]]
        return _service_error("TransactionCanceledException", 400, CancellationReasons=[{"Code": reason}, *others])(
            call
        )

    return fault


_ENDPOINT = "https://dynamodb.us-east-1.amazonaws.com/"

# Not carried out, for certain.
REFUSED: dict[str, Fault] = {
    "ProvisionedThroughputExceededException": _service_error("ProvisionedThroughputExceededException", 400),
    "RequestLimitExceeded": _service_error("RequestLimitExceeded", 400),
    "ThrottlingException": _service_error("ThrottlingException", 400),
    "TransactionInProgressException": _service_error("TransactionInProgressException", 400),
    "cancelled: conflict": _cancelled("TransactionConflict"),
    "cancelled: throttled": _cancelled("ThrottlingError"),
    "EndpointConnectionError": lambda call: EndpointConnectionError(endpoint_url=_ENDPOINT),
    "ConnectTimeoutError": lambda call: ConnectTimeoutError(endpoint_url=_ENDPOINT),
}
# Carried out or not: nobody can tell from the answer.
UNKNOWN: dict[str, Fault] = {
    "InternalServerError": _service_error("InternalServerError", 500),
    "ServiceUnavailable": _service_error("ServiceUnavailable", 503),
    "ReadTimeoutError": lambda call: ReadTimeoutError(endpoint_url=_ENDPOINT),
    "ConnectionClosedError": lambda call: ConnectionClosedError(endpoint_url=_ENDPOINT),
}


def passing(call: Call, send: Send) -> Reply:
    """Let every call pass."""
    return send(call.request)


def break_pages(call: Call, send: Send) -> Reply:
    """Let every query end its page after one item."""
    if call.operation != "Query":
        return send(call.request)
    return send({**call.request, "Limit": 1})


class EmptyPages:
    """Put an empty page with a next key before every page of every query."""

    def __init__(self) -> None:
        self._begun: set[str] = set()

    def __call__(self, call: Call, send: Send) -> Reply:
        if call.operation != "Query":
            return send(call.request)
        request = dict(call.request)
        start = request.pop("ExclusiveStartKey", None)
        if start is None or "empty" not in str(start):
            return {"Items": [], "Count": 0, "ScannedCount": 0, "LastEvaluatedKey": self._fake(start)}
        original = self._original(start)
        return send({**request, **({"ExclusiveStartKey": original} if original else {})})

    def _fake(self, start: Request | None) -> Request:
        """Write a key that resumes at ``start``: it is marked and carries the true one in its text."""
        key = start or {"pk": {"S": ""}, "sk": {"S": ""}}
        return {name: {"S": f"empty|{'x' if start else ''}|{value['S']}"} for name, value in key.items()}

    def _original(self, fake: Request) -> Request | None:
        parts = {name: value["S"].split("|", 2) for name, value in fake.items()}
        if all(part[1] == "" for part in parts.values()):
            return None
        return {name: {"S": part[2]} for name, part in parts.items()}


def leave_unprocessed(keep: int) -> Rule:
    """Let every batch carry out at most ``keep`` of its requests and give the others back."""

    def rule(call: Call, send: Send) -> Reply:
        if call.operation not in ("BatchWriteItem", "BatchGetItem"):
            return send(call.request)
        sent, left = _divided(call, keep)
        reply = send({**call.request, "RequestItems": sent}) if sent else {}
        name = "UnprocessedItems" if call.operation == "BatchWriteItem" else "UnprocessedKeys"
        return {**reply, name: left}

    return rule


def _divided(call: Call, keep: int) -> tuple[Request, Request]:
    """Divide a batch into its first ``keep`` requests and the rest."""
    sent: Request = {}
    left: Request = {}
    room = keep
    for table, asked in call.request["RequestItems"].items():
        requests = asked["Keys"] if call.operation == "BatchGetItem" else asked
        for part, chosen in ((sent, requests[:room]), (left, requests[room:])):
            if chosen:
                part[table] = {**asked, "Keys": chosen} if call.operation == "BatchGetItem" else chosen
        room = max(0, room - len(requests))
    return sent, left


def leave_all_of_every_other() -> Rule:
    """Give back every other batch as a whole."""
    seen = itertools.count()

    def rule(call: Call, send: Send) -> Reply:
        is_batch = call.operation in ("BatchWriteItem", "BatchGetItem")
        return leave_unprocessed(0)(call, send) if is_batch and next(seen) % 2 == 0 else send(call.request)

    return rule


def drawn(kind: str, number: int, is_late: bool) -> Rule:
    """Make the rule of a kind of fault that a machine drew: at the call of a number, before it is carried out or after.

    Where nothing is ``crash`` or ``throttle``, batches come back in part, or pages break or, late, are empty.
    """
    if kind == "crash":
        return crash_at(number, AFTER if is_late else BEFORE)
    if kind == "throttle":
        name = "ReadTimeoutError" if is_late else "ThrottlingException"
        return at(number, {**REFUSED, **UNKNOWN}[name], AFTER if is_late else BEFORE)
    if kind == "partial":
        return leave_unprocessed(1)
    return EmptyPages() if is_late else break_pages


def both(one: Rule, other: Rule) -> Rule:
    """Put a call under two rules."""
    return lambda call, send: one(call, lambda request: other(Call(call.number, call.operation, request), send))


def remembering() -> Rule:
    """Make a rule that carries out each read once: for checks, while which nothing is written."""
    known: dict[tuple[str, str], bytes] = {}

    def rule(call: Call, send: Send) -> Reply:
        assert not call.writes, f"{call} is no read"
        key = call.operation, repr(call.request)
        if key not in known:
            known[key] = pickle.dumps(send(call.request))
        reply: Reply = pickle.loads(known[key])  # noqa: S301 - our own bytes
        return reply

    return rule
