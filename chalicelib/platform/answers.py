"""What a route answers: status, headers and a body that is JSON, text or bytes, never a float or a ``Decimal``."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from chalicelib.shared import strict_json
from chalicelib.shared.values import dataclass

JSON = "application/json"
PROBLEM = "application/problem+json"
PDF = "application/pdf"
# Lambda's answer is JSON and carries text. What has one of these types leaves in base64, and API Gateway, which knows
# them too, gives it back as bytes to a client whose ``Accept`` names the type.
BINARY_TYPES = (PDF,)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a request.

    ``body`` is a JSON value (money and quantities as strings, instants as text), a pydantic model of such values, or
    the text or bytes of another ``media_type``. ``secrets`` names the top-level fields that are shown once: a replay
    of the same idempotency key has ``null`` there.
    """

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = JSON
    secrets: tuple[str, ...] = ()

    @property
    def is_binary(self) -> bool:
        """Tell whether the body is bytes that are no text."""
        return self.media_type in BINARY_TYPES

    def content(self) -> bytes:
        """Write the body as it is sent; nothing for 204."""
        if isinstance(self.body, bytes):
            return self.body
        if self.media_type not in (JSON, PROBLEM):
            assert isinstance(self.body, str)
            return self.body.encode()
        return b"" if self.status == 204 else strict_json.dump(self.json_value()).encode()

    def json_value(self) -> Any:
        """Give the body as a JSON value."""
        return self.body.model_dump(by_alias=True) if hasattr(self.body, "model_dump") else self.body
