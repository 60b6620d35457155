"""What a subscription changes of its plan: merged field by field, ``null`` takes a field away.

``{"charges": {key: {field: value}}, "minimum", "discount_percent", "net_days"}``. What comes out must be a plan again,
so it is checked like a new one; the faults point into the overrides.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.catalog.plan_content import DEFAULTS, OVERRIDABLE, Content, canonical_content
from chalicelib.catalog.plan_rules import Json
from chalicelib.shared.errors import Fault, pointer_of
from chalicelib.shared.numbers import JsonNumber

# A charge is another one with another of these.
_LASTING = ("key", "type", "meter")
_IN_A_CHARGE = re.compile(r"/charges/([0-9]+)(/.*)?", re.DOTALL)


def merge_overrides(content: Content, overrides: Json) -> Content:
    """Apply overrides that have been checked to canonical content; gives canonical content."""
    return canonical_content(overridden(content, overrides))


def overridden(content: Content, overrides: Json) -> Content:
    """Apply overrides to content as if somebody sent the whole as a new plan, to be checked."""
    changes: Json = overrides.get("charges") or {}
    charges = [_merged(charge, changes.get(charge["key"]) or {}) for charge in content["charges"]]
    given = {name: overrides[name] for name in OVERRIDABLE if name in overrides}
    numbers = {name: JsonNumber(str(content[name])) for name in DEFAULTS}
    return {**_merged({**content, **numbers}, given), "charges": charges}


def _merged(fields: Json, changes: Json) -> Content:
    both = {**fields, **{name: _as_sent(value) for name, value in changes.items()}}
    return {name: value for name, value in both.items() if name not in changes or value is not None}


def _as_sent(value: Any) -> Any:
    """Make a whole number that was stored the literal that it was sent as."""
    return JsonNumber(str(value)) if isinstance(value, int) and not isinstance(value, bool) else value


def canonical_overrides(content: Content, overrides: Json) -> Content:
    """Write overrides that have been checked in one form: numbers as in the content that comes out, null as null."""
    merged = merge_overrides(content, overrides)
    by_key = {charge["key"]: charge for charge in merged["charges"]}
    made = _as_merged(merged, {name: value for name, value in overrides.items() if name != "charges"})
    changes: Json = overrides.get("charges") or {}
    charges = {key: _as_merged(by_key[key], fields) for key, fields in changes.items() if fields}
    return {**made, "charges": charges} if charges else made


def _as_merged(merged: Json, sent: Json) -> Content:
    return {name: None if value is None else merged.get(name) for name, value in sent.items()}


def split_overrides(content: Json, sent: Any) -> tuple[Content, list[Fault]]:
    """Give what can be merged of overrides that were sent, and a fault for everything else."""
    if not isinstance(sent, dict):
        return {}, [Fault("/overrides", "must be an object")]
    faults = [Fault(_place(name), "cannot be overridden") for name in sent if name not in (*OVERRIDABLE, "charges")]
    sound = {name: value for name, value in sent.items() if name in OVERRIDABLE}
    changes = sent.get("charges")
    if changes is None:
        return sound, faults
    if not isinstance(changes, dict):
        return sound, [*faults, Fault(_place("charges"), "must be an object")]
    faults += _charge_faults(content, changes)
    return {**sound, "charges": _mergeable(content, changes)}, faults


def _place(*parts: str) -> str:
    return pointer_of("overrides", *parts)


def _charge_faults(content: Json, changes: Json) -> Iterator[Fault]:
    by_key: Mapping[str, Json] = {charge["key"]: charge for charge in content["charges"]}
    for key, fields in changes.items():
        if key not in by_key:
            yield Fault(_place("charges", key), "is not a charge of the plan")
        elif not isinstance(fields, dict):
            yield Fault(_place("charges", key), "must be an object")
        else:
            changed = (name for name in _LASTING if name in fields and fields[name] != by_key[key].get(name))
            yield from (Fault(_place("charges", key, name), "never changes") for name in changed)


def _mergeable(content: Json, changes: Json) -> Content:
    known = {charge["key"] for charge in content["charges"]}
    return {
        key: {name: value for name, value in fields.items() if name not in _LASTING}
        for key, fields in changes.items()
        if key in known and isinstance(fields, dict)
    }


def point_into_overrides(fault: Fault, content: Json) -> Fault:
    """Turn the place of a fault in the merged content into its place in the overrides."""
    found = _IN_A_CHARGE.fullmatch(fault.pointer)
    if found is None:
        return Fault("/overrides" + fault.pointer, fault.detail)
    key = content["charges"][int(found[1])]["key"]
    return Fault(_place("charges", key) + (found[2] or ""), fault.detail)
