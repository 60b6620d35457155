"""Direct invocation: payloads that Lambda has already parsed, read as strictly as a body.

Functions without a model, such as the one that takes events, never import what validates models.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.shared import strict_json
from chalicelib.shared.errors import Fault, InvalidInput

if TYPE_CHECKING:
    from pydantic import BaseModel

M = TypeVar("M", bound="BaseModel")


def read_value(payload: Any, *, max_bytes: int = 6_000_000) -> Any:
    """Read a payload as the JSON reader would have: numbers as literals.

    Lambda's runtime has made floats of numbers with a fraction; written again they are the shortest text that means
    the same float. Who needs more digits than a float has sends decimals as strings. Raises ``Malformed``.
    """
    return strict_json.parse(json.dumps(payload, ensure_ascii=True).encode(), max_bytes=max_bytes)


def read_payload(model: type[M], payload: Any) -> M:
    """Read a payload into a model; raises ``InvalidInput`` with every fault."""
    from pydantic import ValidationError

    from chalicelib.platform.requests import faults_of

    value = read_value(payload)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _refusal(faults_of(error, value, "")) from None


def _refusal(faults: Sequence[Fault]) -> InvalidInput:
    """Say every fault in the text: of an error, that is all that Lambda gives to the caller."""
    listed = "; ".join(f"{fault.pointer or 'it'} {fault.detail}" for fault in faults)
    return InvalidInput(f"The payload has faults: {listed}.", faults)
