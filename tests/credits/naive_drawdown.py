"""Drawdown the slow way, one minor unit at a time, on lists of coins: written apart from what it checks.

A grant is ``{"name", "priority", "effective", "expires", "ended", "created", "cost", "charges", "left"}``: instants are
minutes (``None``: never), ``charges`` is ``"usage"``, ``"all"`` or a set. A draft is ``{"name", "lines"}``, a line
``{"name", "charge", "usage", "slices", "paid"}``. Its slices are ``(quarter-hour, day, units)``, and what had paid for
what it takes back is ``(grant, day, units)``, oldest first.

Every unit of credit is a coin ``(grant, owner)``. It lies in the box; the owner is the only draft that may take it, and
``None`` lets all of them. A line is a pile of coins with the days that they pay, and a heap of units due in money.
"""

from functools import cmp_to_key
from typing import Any

Figures = dict[str, Any]
Coin = tuple[str, str | None]
# By draft and line: units by grant and day; negative where they went back.
Result = dict[tuple[str, str], dict[tuple[str, Any], int]]


def sooner(one: Figures, other: Figures) -> int:
    """Say which of two grants pays first, as the rule lists it: -1 for the one, 1 for the other."""
    if one["priority"] != other["priority"]:
        return -1 if one["priority"] < other["priority"] else 1
    if one["expires"] != other["expires"]:
        if one["expires"] is None or other["expires"] is None:
            return 1 if one["expires"] is None else -1
        return -1 if one["expires"] < other["expires"] else 1
    if one["cost"] != other["cost"]:
        return -1 if one["cost"] < other["cost"] else 1
    restricted = [isinstance(each["charges"], set) for each in (one, other)]
    if restricted[0] != restricted[1]:
        return -1 if restricted[0] else 1
    for mark in ("effective", "created", "name"):
        if one[mark] != other[mark]:
            return -1 if one[mark] < other[mark] else 1
    raise AssertionError("two grants have one name")


def takes(grant: Figures, line: Figures) -> bool:
    """Say whether a grant is meant for a line."""
    if grant["charges"] == "all":
        return True
    if grant["charges"] == "usage":
        return bool(line["usage"])
    return line["charge"] in grant["charges"]


def is_open(grant: Figures, quarter_hour: int) -> bool:
    """Say whether any minute of a quarter-hour lies in a grant's window."""
    ends = [end for end in (grant["expires"], grant["ended"]) if end is not None]
    minutes = range(quarter_hour * 15, quarter_hour * 15 + 15)
    return any(grant["effective"] <= minute and all(minute < end for end in ends) for minute in minutes)


class Box:
    """The coins that lie about, and what came of it."""

    def __init__(self, grants: list[Figures]) -> None:
        self.order = sorted(grants, key=cmp_to_key(sooner))
        self.coins: list[Coin] = [(grant["name"], None) for grant in grants for _ in range(grant["left"])]
        self.piles: dict[tuple[str, str], list[tuple[Any, Coin]]] = {}
        self.due: dict[tuple[str, str], int] = {}
        self.result: Result = {}

    def note(self, place: tuple[str, str], key: tuple[str, Any], units: int) -> None:
        """Note that a grant paid units of a line for a day."""
        line = self.result.setdefault(place, {})
        line[key] = line.get(key, 0) + units

    def find(self, draft: str, line: Figures, quarter_hour: int) -> Coin | None:
        """Find the coin that pays next: of the first grant that may, what only this draft may take first."""
        for grant in self.order:
            if takes(grant, line) and is_open(grant, quarter_hour):
                for owner in (draft, None):
                    if (grant["name"], owner) in self.coins:
                        return grant["name"], owner
        return None

    def add_unit(self, draft: str, line: Figures, quarter_hour: int, day: Any) -> None:
        """Let one unit more be used."""
        place = (draft, line["name"])
        coin = None if self.due[place] < 0 else self.find(draft, line, quarter_hour)
        if coin is None:
            self.due[place] += 1
            return
        self.coins.remove(coin)
        self.piles[place].append((day, coin))
        self.note(place, (coin[0], day), 1)

    def remove_unit(self, draft: str, line: Figures) -> None:
        """Let one unit less be used: less is due, or the last coin goes back, or money is."""
        place = (draft, line["name"])
        if self.due[place] > 0 or not self.piles[place]:
            self.due[place] -= 1
            return
        day, coin = self.piles[place].pop()
        self.coins.append(coin)
        self.note(place, (coin[0], day), -1)


def play(drafts: list[Figures], grants: list[Figures]) -> Box:
    """Go through time, and at each instant through drafts and lines; give the box as it is in the end."""
    box = Box(grants)
    for draft in drafts:
        for line in draft["lines"]:
            place = (draft["name"], line["name"])
            box.due[place] = 0
            # What paid once is no coin of the box: it comes back to this draft alone.
            box.piles[place] = [
                (day, (grant, draft["name"])) for grant, day, units in line["paid"] for _ in range(units)
            ]
    quarter_hours = {at for draft in drafts for line in draft["lines"] for at, _, _ in line["slices"]}
    for quarter_hour in sorted(quarter_hours):
        for draft in drafts:
            for line in draft["lines"]:
                for at, day, units in line["slices"]:
                    if at == quarter_hour:
                        for _ in range(abs(units)):
                            if units > 0:
                                box.add_unit(draft["name"], line, quarter_hour, day)
                            else:
                                box.remove_unit(draft["name"], line)
    return box


def draw(drafts: list[Figures], grants: list[Figures]) -> Result:
    """Say what each grant pays of each line; what comes to nothing is left out."""
    found = {
        place: {key: units for key, units in line.items() if units}
        for place, line in play(drafts, grants).result.items()
    }
    return {place: line for place, line in found.items() if line}
