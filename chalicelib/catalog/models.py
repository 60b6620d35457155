"""The shapes of the catalog's requests and answers."""

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticKnownError

from chalicelib.catalog.logo import DATA_URI, MAX_BYTES, Logo, read_logo
from chalicelib.catalog.meters import Aggregation, MeterStatus, parse_path
from chalicelib.catalog.settings import DEFAULT_LATE_LIMIT_DAYS
from chalicelib.platform.fields import (
    AnswerModel,
    Exact,
    Form,
    Instant,
    Key,
    Line,
    ListQuery,
    Name,
    Note,
    OrganizationId,
    RequestModel,
    Schema,
    WholeNumberOnly,
)
from chalicelib.platform.keys import Role
from chalicelib.shared.money import minor_digits
from chalicelib.shared.time import zone_of
from chalicelib.shared.values import dataclass

MAX_DIMENSIONS = 16
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s.]{1,63}")


@dataclass(frozen=True)
class CurrencyForm(Form):
    """A currency of ISO 4217 in use."""

    def read(self, value: Any) -> str:
        """Read the three capital letters."""
        if not isinstance(value, str) or not re.fullmatch(r"[A-Z]{3}", value) or minor_digits(value) is None:
            raise ValueError("must be a currency of ISO 4217 such as USD")
        return value

    def schema(self) -> Schema:
        """Show the form."""
        return {"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["USD"]}


@dataclass(frozen=True)
class ZoneNameForm(Form):
    """The name of a time zone."""

    def read(self, value: Any) -> str:
        """Read a name of the IANA database."""
        if not isinstance(value, str):
            raise ValueError("is not a time zone of the IANA database")
        zone_of(value)
        return value

    def schema(self) -> Schema:
        """Show an example."""
        return {"type": "string", "examples": ["Europe/Berlin"]}


@dataclass(frozen=True)
class NeverForm(Form):
    """A field that cannot be sent: what it names never changes."""

    def read(self, value: Any) -> None:
        """Refuse whatever is sent."""
        del value
        raise ValueError("never changes")

    def schema(self) -> Schema:
        """Show that nothing is accepted."""
        return {"not": {}}


@dataclass(frozen=True)
class EmailForm(Form):
    """An e-mail address, looked at from afar: one @ with a domain after it."""

    def read(self, value: Any) -> str:
        """Read the address."""
        if not isinstance(value, str) or not _EMAIL.fullmatch(value) or not value.isprintable():
            raise ValueError("must be an e-mail address")
        return value

    def schema(self) -> Schema:
        """Show an example."""
        return {"type": "string", "examples": ["billing@example.com"]}


@dataclass(frozen=True)
class PathForm(Form):
    """A path into an event's data."""

    def read(self, value: Any) -> str:
        """Read names joined by points."""
        if not isinstance(value, str):
            raise ValueError("must be names joined by points, such as usage.output_tokens")
        parse_path(value)
        return value

    def schema(self) -> Schema:
        """Show an example."""
        return {"type": "string", "minLength": 1, "examples": ["usage.output_tokens"]}


@dataclass(frozen=True)
class LogoForm(Form):
    """A picture as a data URI."""

    def read(self, value: Any) -> Logo:
        """Read a small PNG or JPEG."""
        if not isinstance(value, str):
            raise ValueError("must be text")
        return read_logo(value)

    def schema(self) -> Schema:
        """Show the form; the length is that of the largest picture in base64."""
        return {"type": "string", "pattern": DATA_URI, "maxLength": len("data:image/jpeg;base64,") + MAX_BYTES * 4 // 3}


Email = Annotated[str, EmailForm()]
Currency = Annotated[str, CurrencyForm()]
ZoneName = Annotated[str, ZoneNameForm()]
Never = Annotated[None, NeverForm()]
DataPath = Annotated[str, PathForm()]
Percent = Annotated[Decimal, Exact(at_least=Decimal(0), at_most=Decimal(100))]


class TaxRateShape(RequestModel):
    """A tax by name."""

    name: Name
    percent: Percent


def _with_different_names(rates: list[TaxRateShape]) -> list[TaxRateShape]:
    if len({rate.name for rate in rates}) != len(rates):
        raise ValueError("must have different names")
    return rates


TaxRates = Annotated[list[TaxRateShape], Field(max_length=10), AfterValidator(_with_different_names)]


class _Details(RequestModel):
    """What may be said about an organization, and changed."""

    email: Email | None = None
    address: Note | None = None
    legal_name: Name | None = None
    tax_id: Name | None = None
    purchase_order: Name | None = None
    invoice_note: Note | None = None
    tax_rates: TaxRates | None = None


class NewOrganization(_Details):
    """An organization to be created."""

    id: OrganizationId
    name: Name
    currency: Currency = "USD"
    timezone: ZoneName = "UTC"


class OrganizationChange(_Details):
    """What changes of an organization: only the fields that are sent; ``null`` clears one."""

    name: Name = ""
    currency: Never = None
    timezone: Never = None


class TaxRateAnswer(AnswerModel):
    """A tax by name."""

    name: str
    percent: str


class OrganizationAnswer(AnswerModel):
    """An organization."""

    id: str
    name: str
    currency: str
    timezone: str
    email: str | None
    address: str | None
    legal_name: str | None
    tax_id: str | None
    purchase_order: str | None
    invoice_note: str | None
    tax_rates: list[TaxRateAnswer]
    created_at: str


class OrganizationList(AnswerModel):
    """A page of organizations."""

    data: list[OrganizationAnswer]
    next_cursor: str | None


class OrganizationSearch(ListQuery):
    """Which organizations to list."""

    q: Annotated[str, Line(at_most=200)] | None = Field(
        default=None, description="The beginning of the name, in any case, or the whole id."
    )


class NewApiKey(RequestModel):
    """A key to be made."""

    name: Name
    role: Role = Field(strict=False)
    organization: OrganizationId | None = None


class ApiKeyAnswer(AnswerModel):
    """A key, without its secret."""

    id: str
    name: str
    role: str
    organization: str | None
    created_at: str


class CreatedApiKey(ApiKeyAnswer):
    """A key that was just made; the secret is shown only here."""

    secret: str | None


class ApiKeyList(AnswerModel):
    """A page of keys."""

    data: list[ApiKeyAnswer]
    next_cursor: str | None


class SessionAnswer(AnswerModel):
    """Who is signed in, until when (``null``: no end), and the time here."""

    role: str
    organization: str | None
    name: str | None
    expires_at: str | None
    as_of: str


class NewPortalLink(RequestModel):
    """A link for an organization's own people, valid for some seconds."""

    expires_in: Annotated[int, WholeNumberOnly(60, 86_400)] = 3600
    name: Name | None = None


class PortalLinkAnswer(AnswerModel):
    """A link with its token in the fragment."""

    url: str | None
    expires_at: str


class SellerShape(RequestModel):
    """Who issues the invoices."""

    legal_name: Name | None = None
    address: Note | None = None
    tax_id: Name | None = None
    logo: Annotated[Logo, LogoForm()] | None = None


class SettingsShape(RequestModel):
    """All settings; what is left out is at its default."""

    seller: SellerShape = SellerShape()
    late_limit_days: Annotated[int, WholeNumberOnly(1, 400)] = DEFAULT_LATE_LIMIT_DAYS
    create_unknown_organizations: bool = False


class SellerAnswer(AnswerModel):
    """Who issues the invoices."""

    legal_name: str | None
    address: str | None
    tax_id: str | None
    logo: str | None


class SettingsAnswer(AnswerModel):
    """All settings."""

    seller: SellerAnswer
    late_limit_days: int
    create_unknown_organizations: bool


FilterValues = Annotated[list[Annotated[str, Line(at_most=200, at_least=0)]], Field(min_length=1, max_length=100)]


class NewMeter(RequestModel):
    """A meter to be created."""

    key: Key
    name: Name
    event_type: Annotated[str, Line(at_most=255)]
    aggregation: Aggregation = Field(strict=False)
    value: DataPath | None = Field(default=None, validate_default=True)
    dimensions: Annotated[dict[Key, DataPath], Field(max_length=MAX_DIMENSIONS)] = Field(default_factory=dict)
    filter: Annotated[dict[DataPath, FilterValues], Field(max_length=MAX_DIMENSIONS)] = Field(default_factory=dict)
    unit: Name | None = None
    strict: bool = False
    count_from: Instant | None = None

    @field_validator("value")
    @classmethod
    def _fits_the_aggregation(cls, value: str | None, others: ValidationInfo) -> str | None:
        # An aggregation that is wrong itself is not there.
        aggregation = others.data.get("aggregation")
        if value is not None and aggregation is Aggregation.COUNT:
            raise ValueError("a count takes no value")
        if value is None and aggregation not in (None, Aggregation.COUNT):
            raise PydanticKnownError("missing")
        return value


class MeterChange(RequestModel):
    """What changes of a meter: only the fields that are sent."""

    name: Name = ""
    unit: Name | None = None


class MeterAnswer(AnswerModel):
    """A meter."""

    key: str
    name: str
    event_type: str
    aggregation: Aggregation
    value: str | None
    dimensions: dict[str, str]
    filter: dict[str, list[str]]
    unit: str | None
    strict: bool
    status: MeterStatus
    count_from: str
    counting_from: str
    created_at: str
    archived_at: str | None
    version: int


class MeterList(AnswerModel):
    """A page of meters."""

    data: list[MeterAnswer]
    next_cursor: str | None
