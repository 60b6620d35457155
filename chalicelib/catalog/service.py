"""What other domains may ask of the catalog, and the commands that change it.

A definition of a meter changes only together with the catalog's version, in one transaction, so that whoever reads the
version strongly knows whether the meters it remembers are the current ones.
"""

import secrets
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import partial

from chalicelib.catalog import store
from chalicelib.catalog.logo import Logo
from chalicelib.catalog.meters import Meter, MeterCatalog
from chalicelib.catalog.organizations import Organization
from chalicelib.catalog.records import write_meter, write_organization
from chalicelib.catalog.settings import BillingSettings
from chalicelib.catalog.tables import CatalogItem
from chalicelib.platform.answers import Answer
from chalicelib.platform.auth import no_such_organization
from chalicelib.platform.writes import Delete, Effect, Put, Update, Write, commit, run_command
from chalicelib.shared import strict_json
from chalicelib.shared.values import dataclass

MAX_METERS = 500
_MOST_AT_ONCE = 90
_ORGANIZATIONS_AT_ONCE = 40


@dataclass(frozen=True, slots=True)
class CountingPlace:
    """Where counting past events is: the version it brings counters to, and where to go on.

    ``after`` is the last organization that is done; ``day`` the day to go on with in the next one.
    """

    target_version: int
    after: str | None = None
    day: date | None = None


def get_organization(organization: str) -> Organization:
    """Read an organization; raises ``NotFound``."""
    found = store.find_organizations([organization])
    if organization not in found:
        raise no_such_organization()
    return found[organization]


def find_organizations(ids: Sequence[str]) -> dict[str, Organization]:
    """Read organizations by id; unknown ones are left out."""
    return store.find_organizations(ids)


def list_organization_ids(*, after: str | None, limit: int) -> list[str]:
    """List organization ids in their order, those after ``after``."""
    return store.list_organization_ids(after=after, limit=limit)


def meter_catalog() -> MeterCatalog:
    """Read the meters as they are now."""
    return store.meter_catalog()


def organization_and_meters(organization: str) -> tuple[Organization, MeterCatalog]:
    """Read an organization and the meters as they are now; raises ``NotFound``."""
    found, catalog = store.organization_and_meters(organization)
    if found is None:
        raise no_such_organization()
    return found, catalog


def organization_writes(organization: Organization) -> tuple[Write, ...]:
    """Make the writes that create an organization: its profile, and its id in the list that jobs walk."""
    return _creation((organization,))


def _creation(organizations: Sequence[Organization]) -> tuple[Write, ...]:
    """Create organizations that do not exist; the first of all changes the meters' edition.

    A meter made while there is no organization has nothing to count. It is one only if this is still so when it is
    stored: then the edition is unchanged.
    """
    new = CatalogItem.pk.does_not_exist()
    profiles = [Put(item=_profile(one), condition=new) for one in organizations]
    listed = [Put(item=CatalogItem(store.ORGANIZATION_IDS, one.id)) for one in organizations]
    versions = store.read_versions()
    is_first = not store.list_organization_ids(after=None, limit=1)
    next_edition = _version_write(versions, store.Versions(versions.version, _new_edition()))
    return (*profiles, *listed, *([next_edition] if is_first else ()))


def _profile(organization: Organization) -> CatalogItem:
    pk, sk = store.organization_keys(organization.id)
    return CatalogItem(
        pk,
        sk,
        list_kind="organization",
        list_name=store.list_name(organization.name, key=organization.id),
        content=write_organization(organization),
    )


def create_unknown(ids: Iterable[str], now: datetime) -> None:
    """Create organizations that events name, in US dollars and UTC; those that exist are left as they are."""
    wanted = list(dict.fromkeys(ids))
    for start in range(0, len(wanted), _ORGANIZATIONS_AT_ONCE):
        run_command(partial(_create_missing, wanted[start : start + _ORGANIZATIONS_AT_ONCE], now))


def _create_missing(ids: Sequence[str], now: datetime) -> Effect:
    known = store.find_organizations(ids)
    missing = [
        Organization(id=one, name=one, currency="USD", timezone="UTC", created_at=now)
        for one in ids
        if one not in known
    ]
    return Effect(Answer(), _creation(missing) if missing else ())


def profile_writes(stored: store.Profile, changed: Organization) -> tuple[Write, ...]:
    """Make the write that changes an organization, unless somebody else has since it was read."""
    return (Put(item=_profile(changed), condition=CatalogItem.content == stored.content),)


def get_settings() -> BillingSettings:
    """Read the settings of the deployment."""
    return store.get_settings()


def find_logo() -> Logo | None:
    """Read the logo that documents show; ``None`` when none was set."""
    return store.find_logo()


def definition_writes(meter: Meter, catalog: MeterCatalog, *, is_new: bool) -> tuple[Write, ...]:
    """Make the writes that create or end a meter and raise the version to the meter's, if ``catalog`` still holds."""
    assert meter.version == catalog.version + 1
    return _meter_writes(meter, catalog, version=meter.version, is_new=is_new)


def label_writes(meter: Meter, catalog: MeterCatalog) -> tuple[Write, ...]:
    """Make the writes that change a meter's name and unit: the version stays, the edition does not."""
    return _meter_writes(meter, catalog, version=catalog.version, is_new=False)


def _meter_writes(meter: Meter, catalog: MeterCatalog, *, version: int, is_new: bool) -> tuple[Write, ...]:
    edition = _new_edition()
    item = CatalogItem(*store.meter_keys(meter.key), content=write_meter(meter), counted=meter.counted, edition=edition)
    right = CatalogItem.pk.does_not_exist() if is_new else CatalogItem.pk.exists()
    return Put(item=item, condition=right), _version_write(catalog, store.Versions(version, edition, changed=1))


def _new_edition() -> str:
    return secrets.token_hex(8)


def _version_write(read: MeterCatalog | store.Versions, then: store.Versions) -> Write:
    """Go on to the next edition, unless somebody else has since it was ``read``."""
    unchanged = CatalogItem.edition == read.edition if read.edition else CatalogItem.pk.does_not_exist()
    item = CatalogItem(*store.VERSION_KEYS, version=then.version, edition=then.edition, changed=then.changed)
    return Put(item=item, condition=unchanged)


def find_counting_place() -> CountingPlace | None:
    """Read where counting past events has got to; ``None`` before it begins."""
    content = store.find_content(store.COUNTING_KEYS)
    if content is None:
        return None
    stored = store.read_json(content)
    day = stored["day"]
    return CountingPlace(stored["target_version"], stored["after"], None if day is None else date.fromisoformat(day))


def save_counting_place(place: CountingPlace) -> None:
    """Keep where counting has got to. An older place that overwrites a newer one only costs doing it again."""
    content = strict_json.dump(
        {
            "target_version": place.target_version,
            "after": place.after,
            "day": None if place.day is None else place.day.isoformat(),
        }
    )
    commit([Put(item=CatalogItem(*store.COUNTING_KEYS, content=content))])


def finish_counting(target_version: int) -> None:
    """Declare the meters counted that existed at a version, and forget the place with the last. Raises ``Busy``."""
    while not run_command(partial(_finish_some, target_version)).body:
        pass


def _finish_some(target_version: int) -> Effect:
    """Declare as many meters counted as a transaction holds; answers whether they were the last."""
    catalog = store.meter_catalog()
    counting = [meter for meter in catalog.meters.values() if not meter.counted and meter.version <= target_version]
    some, edition = counting[:_MOST_AT_ONCE], _new_edition()
    writes: list[Write] = [_counted(meter, edition) for meter in some]
    if some:
        writes.append(_version_write(catalog, store.Versions(catalog.version, edition, changed=len(some))))
    if len(some) == len(counting):
        writes.append(Delete(model=CatalogItem, keys=store.COUNTING_KEYS))
    return Effect(Answer(len(some) == len(counting)), tuple(writes))


def _counted(meter: Meter, edition: str) -> Write:
    return Update(
        model=CatalogItem,
        keys=store.meter_keys(meter.key),
        actions=(CatalogItem.counted.set(True), CatalogItem.edition.set(edition)),
        condition=CatalogItem.pk.exists(),
    )
