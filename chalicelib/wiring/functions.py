"""The functions that Lambda invokes without HTTP: schedules, queues, and direct invocation, which IAM guards."""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any


def _usage_jobs() -> ModuleType:
    from chalicelib.usage import jobs

    return jobs


def _ingest_jobs() -> ModuleType:
    from chalicelib.usage import ingest_jobs

    return ingest_jobs


def _refolding_jobs() -> ModuleType:
    from chalicelib.usage import refolding_jobs

    return refolding_jobs


def _invoice_jobs() -> ModuleType:
    from chalicelib.invoices import jobs

    return jobs


def _credit_jobs() -> ModuleType:
    from chalicelib.credits import jobs

    return jobs


def _api_keys() -> ModuleType:
    from chalicelib.catalog import api_keys

    return api_keys


def _api_balance() -> ModuleType:
    from chalicelib.credits import api_balance

    return api_balance


def _api_authorize() -> ModuleType:
    from chalicelib.invoices import api_authorize

    return api_authorize


# By the name in app.py.
MODULES: Mapping[str, Callable[[], ModuleType]] = {
    "rollup_usage": _usage_jobs,
    "rollup_shards": _usage_jobs,
    "run_billing": _invoice_jobs,
    "bill_organizations": _invoice_jobs,
    "settle_credits": _credit_jobs,
    "receive_events": _ingest_jobs,
    "ingest_events": _ingest_jobs,
    "refold_usage": _refolding_jobs,
    "create_api_key": _api_keys,
    "credit_balance": _api_balance,
    "authorize_usage": _api_authorize,
}


def import_function(handler: str) -> None:
    """Import what the function of this process needs, while Lambda starts it and gives it a whole processor.

    ``handler`` is Lambda's name for it, such as ``app.ingest_events``; nothing for any other.
    """
    module = MODULES.get(handler.removeprefix("app."))
    if module is not None:
        module()


def rollup_usage(event: Any) -> Any:
    """Roll up closed quarter-hours."""
    return _usage_jobs().rollup_usage(event)


def rollup_shards(event: Any) -> Any:
    """Roll up the shards that messages name."""
    return _usage_jobs().rollup_shards(event)


def run_billing(event: Any) -> Any:
    """Bill what is due."""
    return _invoice_jobs().run_billing(event)


def bill_organizations(event: Any) -> Any:
    """Bill the organizations that messages name."""
    return _invoice_jobs().bill_organizations(event)


def settle_credits(event: Any) -> Any:
    """Book what time did to credits."""
    return _credit_jobs().settle_credits(event)


def receive_events(event: Any) -> Any:
    """Store the events of a batch of messages."""
    return _ingest_jobs().receive_events(event)


def ingest_events(payload: Any, context: Any) -> Any:
    """Store the events of a payload."""
    return _ingest_jobs().ingest_events(payload, context)


def refold_usage(payload: Any, context: Any) -> Any:
    """Fold stored events of a range again."""
    return _refolding_jobs().refold_usage(payload, context)


def create_api_key(payload: Any, context: Any) -> Any:
    """Make an API key."""
    return _api_keys().create_api_key(payload, context)


def credit_balance(payload: Any, context: Any) -> Any:
    """Sum up an organization's credit."""
    return _api_balance().credit_balance(payload, context)


def authorize_usage(payload: Any, context: Any) -> Any:
    """Tell whether an organization may use more."""
    return _api_authorize().authorize_usage(payload, context)
