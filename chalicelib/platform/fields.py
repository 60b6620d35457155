"""Models and field types of requests: strict, exact, and shown as they are in the OpenAPI document.

A body is validated as the JSON reader left it, so numbers arrive as literals (``JsonNumber``) and become exact values
here. Every unknown field is refused. Enumerations need ``Field(strict=False)`` to be read from their text.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from inspect import get_annotations
from types import new_class
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from chalicelib.shared.numbers import JsonNumber, read_decimal
from chalicelib.shared.time import parse_instant
from chalicelib.shared.values import dataclass

Schema = dict[str, Any]

# A process validates with a few models of all; the others' validators would take it longer than all else to import.
BUILT_ON_FIRST_USE = True
SLUG = r"^[a-z0-9][a-z0-9_-]{0,63}$"
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DECIMAL = r"^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,12})?$"
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_FORBIDDEN_IN_LINES = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class RequestModel(BaseModel):
    """The body of a request: unknown fields are refused, nothing is converted silently."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True, defer_build=BUILT_ON_FIRST_USE
    )


class QueryModel(BaseModel):
    """The parameters of a query: unknown ones are refused; a list takes repeated ones, a dict takes ``name[key]``."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=BUILT_ON_FIRST_USE)


class _Shown(BaseModel):
    """What the models of answers have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=BUILT_ON_FIRST_USE)


class AnswerModel:
    """The body of an answer, for the OpenAPI document alone; ``model_of`` makes the pydantic model for it.

    It holds nothing but fields, since a field may have any name.
    """

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        del source
        return handler.generate_schema(model_of(cls))


_models: dict[type[AnswerModel], type[BaseModel]] = {}


def model_of(answer: type[AnswerModel]) -> type[BaseModel]:
    """Give the pydantic model of an answer, the same each time."""
    if answer not in _models:
        above = tuple(model_of(base) for base in answer.__bases__ if base is not AnswerModel)
        own = {name: value for name, value in vars(answer).items() if name not in {"__dict__", "__weakref__"}}
        named = {"__qualname__": answer.__qualname__, **own}
        _models[answer] = new_class(answer.__name__, above or (_Shown,), exec_body=lambda body: body.update(named))
    return _models[answer]


def names_of(answer: type[AnswerModel]) -> list[str]:
    """List the fields of an answer, those of a base first."""
    return [name for base in reversed(answer.__mro__) for name in get_annotations(base)]


class Form(ABC):
    """A type that is read by a function of its own and has a JSON schema of its own."""

    @abstractmethod
    def read(self, value: Any) -> Any:
        """Turn a JSON value into the field's; raises ``ValueError`` with the reason."""

    @abstractmethod
    def schema(self) -> Schema:
        """Show what is accepted."""

    def __get_pydantic_core_schema__(self, source: Any, _: GetCoreSchemaHandler) -> CoreSchema:
        del source
        return core_schema.no_info_plain_validator_function(_telling(self.read))

    def __get_pydantic_json_schema__(self, _: CoreSchema, __: GetJsonSchemaHandler) -> Schema:
        return self.schema()


def _telling(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def validate(value: Any) -> Any:
        try:
            return read(value)
        except ValueError as fault:
            raise PydanticCustomError("form", "{reason}", {"reason": str(fault)}) from None

    return validate


@dataclass(frozen=True)
class Whole(Form):
    """A whole number between two bounds, both included: a JSON number, or its digits in a query."""

    at_least: int = 0
    at_most: int = 10**15

    def read(self, value: Any) -> int:
        """Read digits without point or exponent."""
        text = value.text if isinstance(value, JsonNumber) else value
        if isinstance(text, int) and not isinstance(text, bool):
            text = str(text)
        if not isinstance(text, str) or not _WHOLE.fullmatch(text):
            raise ValueError("must be a whole number")
        if not self.at_least <= int(text) <= self.at_most:
            raise ValueError(f"must lie between {self.at_least} and {self.at_most}")
        return int(text)

    def schema(self) -> Schema:
        """Show the bounds."""
        return {"type": "integer", "minimum": self.at_least, "maximum": self.at_most}


@dataclass(frozen=True)
class WholeNumberOnly(Whole):
    """A whole number that must be a JSON number: for bodies, where text is text."""

    def read(self, value: Any) -> int:
        """Read a JSON number."""
        if not isinstance(value, JsonNumber):
            raise ValueError("must be a whole number")
        return super().read(value)


@dataclass(frozen=True)
class Exact(Form):
    """Money, a quantity or a price: decimal text or a JSON number, read exactly; bounds are included."""

    at_least: Decimal | None = None
    at_most: Decimal | None = None
    above: Decimal | None = None

    def read(self, value: Any) -> Decimal:
        """Read the strict form of the contract."""
        number = value if isinstance(value, Decimal) else read_decimal(value)
        if self.at_least is not None and number < self.at_least:
            raise ValueError(f"must be at least {self.at_least}")
        if self.above is not None and number <= self.above:
            raise ValueError(f"must be more than {self.above}")
        if self.at_most is not None and number > self.at_most:
            raise ValueError(f"must be at most {self.at_most}")
        return number

    def schema(self) -> Schema:
        """Show both forms."""
        return {"anyOf": [{"type": "string", "pattern": _DECIMAL}, {"type": "number"}], "examples": ["12.34"]}


@dataclass(frozen=True)
class InstantForm(Form):
    """An RFC 3339 instant with an offset, read as an aware datetime in UTC."""

    def read(self, value: Any) -> datetime:
        """Read the instant; digits beyond microseconds are cut."""
        if not isinstance(value, str):
            raise ValueError("must be an RFC 3339 instant such as 2026-01-31T23:59:59Z")
        return parse_instant(value)

    def schema(self) -> Schema:
        """Show the format."""
        return {"type": "string", "format": "date-time", "examples": ["2026-01-31T23:59:59Z"]}


@dataclass(frozen=True)
class Line(Form):
    """Text of some length without control characters; ``lines`` allows line breaks. Counted in characters."""

    at_most: int = 200
    at_least: int = 1
    lines: bool = False

    def read(self, value: Any) -> str:
        """Read text as it is: nothing is trimmed."""
        if not isinstance(value, str):
            raise ValueError("must be text")
        if not self.at_least <= len(value) <= self.at_most:
            raise ValueError(f"must have {self.at_least} to {self.at_most} characters")
        if (_FORBIDDEN_IN_LINES if self.lines else _FORBIDDEN).search(value):
            raise ValueError("must not contain control characters")
        if self.at_least and not value.strip():
            raise ValueError("must not be blank")
        return value

    def schema(self) -> Schema:
        """Show the lengths."""
        return {"type": "string", "minLength": self.at_least, "maxLength": self.at_most}


@dataclass(frozen=True)
class FlagForm(Form):
    """A switch of a query: ``true`` or ``false``."""

    def read(self, value: Any) -> bool:
        """Read the two words and nothing else."""
        if value in ("true", "false"):
            return bool(value == "true")
        raise ValueError("must be true or false")

    def schema(self) -> Schema:
        """Show a boolean."""
        return {"type": "boolean"}


@dataclass(frozen=True)
class SlugForm(Form):
    """A key or an organization's id: what may stand in a path."""

    def read(self, value: Any) -> str:
        """Read lower-case letters, digits, ``_`` and ``-``, at most 64."""
        if not isinstance(value, str) or not re.fullmatch(SLUG.strip("^$"), value):
            raise ValueError("must be 1 to 64 of a-z, 0-9, _ and -, beginning with a letter or digit")
        return value

    def schema(self) -> Schema:
        """Show the pattern."""
        return {"type": "string", "pattern": SLUG}


WholeNumber = Annotated[int, WholeNumberOnly()]
DecimalNumber = Annotated[Decimal, Exact()]
Instant = Annotated[datetime, InstantForm()]
Key = Annotated[str, SlugForm()]
OrganizationId = Annotated[str, SlugForm()]
Name = Annotated[str, Line(at_most=200)]
Note = Annotated[str, Line(at_most=2000, lines=True)]
Flag = Annotated[bool, FlagForm()]
Limit = Annotated[int, Whole(1, 200)]


class ListQuery(QueryModel):
    """The parameters of every list."""

    limit: Limit = Field(default=50, description="How many items at most.")
    cursor: str | None = Field(default=None, description="Continue after a page: its next_cursor.")
