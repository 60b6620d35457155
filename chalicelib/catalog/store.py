"""The catalog in DynamoDB. Every read is strongly consistent but the search by name."""

import json
import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, field
from datetime import datetime
from typing import Any

from chalicelib.catalog.logo import Logo, logo_of
from chalicelib.catalog.meters import Meter, MeterCatalog
from chalicelib.catalog.organizations import Organization
from chalicelib.catalog.plan_memory_store import remembered_plans
from chalicelib.catalog.records import read_meter, read_organization
from chalicelib.catalog.settings import BillingSettings, Seller
from chalicelib.catalog.tables import CatalogItem
from chalicelib.platform.auth import StoredKey, no_such_organization
from chalicelib.platform.keys import Role
from chalicelib.platform.reads import ItemKey, Query, find, find_many, list_page, walk
from chalicelib.platform.retries import MAX_ATTEMPTS, pause
from chalicelib.platform.writes import Delete, Put, Write
from chalicelib.shared import strict_json
from chalicelib.shared.errors import Busy
from chalicelib.shared.time import format_instant, parse_instant
from chalicelib.shared.values import dataclass

Keys = tuple[str, str]

VERSION_KEYS: Keys = ("meters", "#version")
SETTINGS_KEYS: Keys = ("settings", "settings")
LOGO_KEYS: Keys = ("settings", "logo")
COUNTING_KEYS: Keys = ("counting", "place")
ORGANIZATION_IDS = "organizations"

# Lower than every character of a name: shorter names come first, and no search reaches the id behind it.
_END_OF_NAME = "\x1f"
# Of the 1024 that the sort key of an index may have; the rest is for the id.
_LONGEST_NAME_BYTES = 900


@dataclass(frozen=True, slots=True)
class Versions:
    """How often definitions changed, and a text that changes with anything about meters; 0 and empty at first.

    ``changed`` tells how many meters the last change wrote; they carry its edition.
    """

    version: int = 0
    edition: str = ""
    changed: int = 0


def search_text(name: str) -> str:
    """Write a name as lists order and searches compare it: the same for any case and any way to compose an accent."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    return folded.encode()[:_LONGEST_NAME_BYTES].decode(errors="ignore")


def list_name(name: str, *, key: str) -> str:
    """Make the place of a thing in the list of its kind: by name, then by its key."""
    return search_text(name) + _END_OF_NAME + key


def organization_keys(organization: str) -> Keys:
    """Tell where an organization is kept."""
    return f"org#{organization}", "profile"


def meter_keys(key: str) -> Keys:
    """Tell where a meter is kept."""
    return "meters", key


def find_organizations(ids: Sequence[str]) -> dict[str, Organization]:
    """Read organizations by id; unknown ones are left out."""
    found = find_many([ItemKey(CatalogItem, organization_keys(one)) for one in dict.fromkeys(ids)])
    organizations = [read_organization(item.content) for item in found if isinstance(item, CatalogItem)]
    return {organization.id: organization for organization in organizations}


def list_organization_ids(*, after: str | None, limit: int) -> list[str]:
    """List organization ids in their order, those after ``after``: strongly consistent, unlike the search by name."""
    within = None if after is None else CatalogItem.sk > after
    page = list_page(Query(model=CatalogItem, pk=ORGANIZATION_IDS, within=within), limit=limit)
    return [item.sk for item in page.items]


def find_content(keys: Keys) -> str | None:
    """Read the JSON text of one item."""
    item = find(CatalogItem, keys)
    return None if item is None else item.content


class _Definitions:
    """The meters of the latest edition that this process has read."""

    def __init__(self) -> None:
        self._edition: str | None = None
        self._catalog = MeterCatalog(0, {})
        self._lock = threading.Lock()

    def at(self, versions: Versions) -> MeterCatalog | None:
        """Give the meters of exactly this edition, if they are the ones remembered."""
        with self._lock:
            return self._catalog if self._edition == versions.edition else None

    def remember(self, versions: Versions, catalog: MeterCatalog) -> None:
        with self._lock:
            self._edition, self._catalog = versions.edition, catalog

    def forget(self) -> None:
        with self._lock:
            self._edition = None


_definitions = _Definitions()


def forget_definitions() -> None:
    """Forget what this process remembers, as a new one would."""
    _definitions.forget()
    remembered_plans.forget()


def read_versions() -> Versions:
    """Read how often meters have changed."""
    return _versions(find(CatalogItem, VERSION_KEYS))


def _versions(item: CatalogItem | None) -> Versions:
    return Versions() if item is None else Versions(int(item.version), item.edition, int(item.changed or 0))


def meter_catalog() -> MeterCatalog:
    """Read the meters: one read of the version when nothing changed since the last time, else all of them."""
    return _definitions.at(read_versions()) or _read_definitions()


def organization_and_meters(organization: str) -> tuple[Organization | None, MeterCatalog]:
    """Read an organization and the meters, in one round trip when the meters have not changed."""
    keys = [ItemKey(CatalogItem, organization_keys(organization)), ItemKey(CatalogItem, VERSION_KEYS)]
    profile, version = find_many(keys)
    assert version is None or isinstance(version, CatalogItem)
    catalog = _definitions.at(_versions(version)) or _read_definitions()
    return (read_organization(profile.content) if isinstance(profile, CatalogItem) else None), catalog


def _read_definitions() -> MeterCatalog:
    """Read the whole partition, again while it is torn.

    A query is no snapshot: it may meet a transaction that has written one of its items and not yet another. What is
    remembered for an edition would then stay wrong until the next change.
    """
    for attempt in range(MAX_ATTEMPTS):
        if attempt:
            pause(attempt)
        items = list(walk(Query(model=CatalogItem, pk=VERSION_KEYS[0])))
        versions = _versions(next((item for item in items if item.sk == VERSION_KEYS[1]), None))
        stored = [item for item in items if item.sk != VERSION_KEYS[1]]
        catalog = MeterCatalog(versions.version, {item.sk: _read_meter(item) for item in stored}, versions.edition)
        if _is_whole(versions, stored, catalog):
            _definitions.remember(versions, catalog)
            return catalog
    raise Busy


def _is_whole(versions: Versions, stored: Sequence[CatalogItem], catalog: MeterCatalog) -> bool:
    """Tell whether all that the last change wrote is there, and nothing that a later one did to definitions."""
    changed = sum(item.edition == versions.edition for item in stored)
    return changed == versions.changed and all(meter.version <= versions.version for meter in catalog.meters.values())


def _read_meter(item: CatalogItem) -> Meter:
    return read_meter(item.content, counted=bool(item.counted))


def read_json(text: str) -> dict[str, Any]:
    """Read the JSON text of an item."""
    read: dict[str, Any] = json.loads(text)
    return read


@dataclass(frozen=True, slots=True)
class Profile:
    """An organization with the text it is stored as, which a change makes sure still stands there."""

    organization: Organization
    content: str


def get_profile(organization: str) -> Profile:
    """Read an organization to change it; raises ``NotFound``."""
    content = find_content(organization_keys(organization))
    if content is None:
        raise no_such_organization()
    return Profile(read_organization(content), content)


def search_organizations(
    prefix: str, *, limit: int, after: dict[str, Any] | None
) -> tuple[list[Organization], dict[str, Any] | None]:
    """List organizations by lower-case name, those whose name begins with ``prefix``: eventually consistent."""
    within = CatalogItem.list_name.startswith(search_text(prefix)) if prefix else None
    query = Query(model=CatalogItem, pk="organization", within=within, index="list")
    page = list_page(query, limit=limit, after=after)
    return [read_organization(item.content) for item in page.items], page.next_key


@dataclass(frozen=True, slots=True)
class NewStoredKey:
    """A key as it is stored: everything but its secret."""

    id: str
    role: Role
    organization: str | None
    name: str
    hash: str = field(repr=False)
    created_at: datetime


def key_keys(key_id: str) -> Keys:
    """Tell where an API key is kept."""
    return f"key#{key_id}", "key"


def key_writes(key: NewStoredKey) -> tuple[Write, ...]:
    """Make the write that stores a new key."""
    content = strict_json.dump({**asdict(key), "role": key.role.value, "created_at": format_instant(key.created_at)})
    pk, sk = key_keys(key.id)
    item = CatalogItem(pk, sk, list_kind="key", list_name=list_name(key.name, key=key.id), content=content)
    return (Put(item=item, condition=CatalogItem.pk.does_not_exist()),)


def _read_key(text: str) -> NewStoredKey:
    stored = read_json(text)
    return NewStoredKey(**{**stored, "role": Role(stored["role"]), "created_at": parse_instant(stored["created_at"])})


def find_key(key_id: str) -> StoredKey | None:
    """Read a key that has not been revoked."""
    content = find_content(key_keys(key_id))
    if content is None:
        return None
    key = _read_key(content)
    return StoredKey(key.id, key.role, key.organization, key.name, key.hash)


def list_keys(*, limit: int, after: dict[str, Any] | None) -> tuple[list[NewStoredKey], dict[str, Any] | None]:
    """List keys by lower-case name: eventually consistent."""
    page = list_page(Query(model=CatalogItem, pk="key", index="list"), limit=limit, after=after)
    return [_read_key(item.content) for item in page.items], page.next_key


def get_settings() -> BillingSettings:
    """Read the settings; defaults where nothing was set."""
    content = find_content(SETTINGS_KEYS)
    if content is None:
        return BillingSettings()
    stored = read_json(content)
    return BillingSettings(**{**stored, "seller": Seller(**stored["seller"])})


def find_logo() -> Logo | None:
    """Read the seller's logo; ``None`` when none was set. It lies apart: every request reads the settings."""
    content = find_content(LOGO_KEYS)
    return None if content is None else logo_of(content)


def settings_writes(settings: BillingSettings, logo: Logo | None) -> tuple[Write, ...]:
    """Make the writes that replace the settings, the logo too: without one, that there was is gone."""
    replaced = Put(item=CatalogItem(*SETTINGS_KEYS, content=strict_json.dump(asdict(settings))))
    if logo is None:
        return replaced, Delete(model=CatalogItem, keys=LOGO_KEYS)
    return replaced, Put(item=CatalogItem(*LOGO_KEYS, content=logo.uri))
