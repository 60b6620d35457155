"""Plans in DynamoDB: a partition for each plan, with its head, which lists it, and an item for each version.

Every read is strongly consistent but the list by name, and that one reads the versions it shows strongly.
"""

from collections.abc import Iterable, Sequence

from chalicelib.catalog.plan_content import PlanVersion
from chalicelib.catalog.store import Keys, list_name, read_json
from chalicelib.catalog.tables import CatalogItem
from chalicelib.platform.reads import ItemKey, Query, find_many, list_page, past_empty_pages, read_page
from chalicelib.platform.writes import Put, Write
from chalicelib.shared import strict_json
from chalicelib.shared.time import format_instant, parse_instant

# What a plan may weigh as text: an item of DynamoDB and a page of a list hold it.
MAX_PLAN_BYTES = 200_000
MAX_PAGE_BYTES = 4_000_000
MAX_VERSIONS = 999_999
_READ_AT_ONCE = 20
_KIND = "plan"


def _partition(key: str) -> str:
    return f"plan#{key}"


def version_keys(key: str, version: int) -> Keys:
    """Tell where a version is kept: versions sort by number, after the head."""
    return _partition(key), f"v#{version:06}"


def write_version(version: PlanVersion) -> str:
    """Write a version as it is stored."""
    return strict_json.dump({"created_at": format_instant(version.created_at), "content": version.content})


def _read_version(item: CatalogItem) -> PlanVersion:
    stored = read_json(item.content)
    return PlanVersion(
        key=item.pk.removeprefix(_partition("")),
        version=int(item.version),
        content=stored["content"],
        created_at=parse_instant(stored["created_at"]),
    )


def version_writes(version: PlanVersion) -> tuple[Write, ...]:
    """Make the writes that publish a version, if it is still the next one."""
    pk, sk = version_keys(version.key, version.version)
    name = list_name(version.content["name"], key=version.key)
    head = CatalogItem(pk, "plan", list_kind=_KIND, list_name=name, version=version.version)
    is_next = CatalogItem.version == version.version - 1 if version.version > 1 else CatalogItem.pk.does_not_exist()
    item = CatalogItem(pk, sk, version=version.version, content=write_version(version))
    return Put(item=item, condition=CatalogItem.pk.does_not_exist()), Put(item=head, condition=is_next)


def find_versions(names: Iterable[tuple[str, int]]) -> dict[tuple[str, int], PlanVersion]:
    """Read versions by plan and number in one batch; unknown ones are left out."""
    wanted = list(dict.fromkeys(names))
    found = find_many([ItemKey(CatalogItem, version_keys(*name)) for name in wanted])
    pairs = zip(wanted, found, strict=True)
    return {name: _read_version(item) for name, item in pairs if isinstance(item, CatalogItem)}


def find_latest(key: str) -> PlanVersion | None:
    """Read the latest version of a plan, in one round trip."""
    query = Query(model=CatalogItem, pk=_partition(key), within=CatalogItem.sk.startswith("v#"), newest_first=True)
    latest = past_empty_pages(query, read_page(query, limit=1), limit=1).items
    return _read_version(latest[0]) if latest else None


def list_latest(*, after: str | None, limit: int) -> tuple[list[PlanVersion], str | None]:
    """List the latest versions of all plans by lower-case name, and the place to go on after.

    A page of large plans is shorter than ``limit``. A version published just now may not be listed yet.
    """
    within = None if after is None else CatalogItem.list_name > after
    page = list_page(Query(model=CatalogItem, pk=_KIND, within=within, index="list"), limit=limit)
    shown = page_of_versions([(_plan_of(head), int(head.version)) for head in page.items])
    is_last = page.next_key is None and len(shown) == len(page.items)
    return shown, None if is_last else page.items[len(shown) - 1].list_name


def page_of_versions(names: Sequence[tuple[str, int]]) -> list[PlanVersion]:
    """Read existing versions in the order of ``names``, until the next one would make an answer too large."""
    shown: list[PlanVersion] = []
    size = 0
    for start in range(0, len(names), _READ_AT_ONCE):
        for version in find_versions(names[start : start + _READ_AT_ONCE]).values():
            size += len(write_version(version).encode())
            if size > MAX_PAGE_BYTES:
                return shown
            shown.append(version)
    return shown


def _plan_of(head: CatalogItem) -> str:
    return str(head.pk.removeprefix(_partition("")))
