"""Reads a TrueType typeface: how wide its characters are, and a smaller one with only those that a document uses.

Of a variable typeface this is the default instance. Sizes are in the typeface's own units, ``units`` to an em.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence

from chalicelib.shared.values import dataclass

Tables = Mapping[str, bytes]

NO_GLYPH = 0
# What a PDF needs of a typeface beside the tables that are made anew; hints go along when there are any.
_KEPT = ("cvt ", "fpgm", "prep")
_CHECKSUM_OF_ALL = 0xB1B0AFBA
# Flags of the parts of a glyph that is put together from others.
_WORDS, _SCALE, _MORE, _TWO_SCALES, _MATRIX = 0x0001, 0x0008, 0x0020, 0x0040, 0x0080


@dataclass(frozen=True, slots=True, kw_only=True)
class Typeface:
    """A typeface as read: ``glyphs`` by code point, ``advances`` by glyph, ``places`` of each glyph's outline."""

    tables: Tables
    units: int
    ascent: int
    descent: int
    box: tuple[int, int, int, int]
    glyphs: Mapping[int, int]
    advances: tuple[int, ...]
    places: tuple[int, ...]

    def glyph_of(self, character: str) -> int:
        """Give the glyph of a character; the empty box for one that the typeface does not have."""
        return self.glyphs.get(ord(character), NO_GLYPH)

    def advance_of(self, character: str) -> int:
        """Tell how wide a character is."""
        return self.advances[self.glyph_of(character)]

    def outline(self, glyph: int) -> bytes:
        """Give the outline of a glyph; empty for a space."""
        return self.tables["glyf"][self.places[glyph] : self.places[glyph + 1]]


def read_typeface(content: bytes) -> Typeface:
    """Read a TrueType file whose characters are in a table of format 12, as those of all large typefaces are."""
    tables = dict(_tables(content))
    head, hhea = tables["head"], tables["hhea"]
    glyphs = int.from_bytes(tables["maxp"][4:6])
    return Typeface(
        tables=tables,
        units=int.from_bytes(head[18:20]),
        ascent=_signed(hhea, 4),
        descent=_signed(hhea, 6),
        box=(_signed(head, 36), _signed(head, 38), _signed(head, 40), _signed(head, 42)),
        glyphs=_characters(tables["cmap"]),
        advances=_advances(tables["hmtx"], wide=int.from_bytes(hhea[34:36]), glyphs=glyphs),
        places=_places(tables["loca"], is_long=_signed(head, 50) == 1),
    )


def _tables(content: bytes) -> Iterator[tuple[str, bytes]]:
    for index in range(int.from_bytes(content[4:6])):
        tag, _, offset, length = struct.unpack_from(">4sIII", content, 12 + 16 * index)
        yield tag.decode("ascii"), content[offset : offset + length]


def _signed(table: bytes, at: int) -> int:
    return int.from_bytes(table[at : at + 2], signed=True)


def _characters(cmap: bytes) -> dict[int, int]:
    for index in range(int.from_bytes(cmap[2:4])):
        platform, _, offset = struct.unpack_from(">HHI", cmap, 4 + 8 * index)
        if platform == 3 and int.from_bytes(cmap[offset : offset + 2]) == 12:
            return dict(_ranges(cmap, offset))
    raise ValueError("the typeface has no table of characters that can be read")


def _ranges(cmap: bytes, offset: int) -> Iterator[tuple[int, int]]:
    for index in range(int.from_bytes(cmap[offset + 12 : offset + 16])):
        first, last, glyph = struct.unpack_from(">III", cmap, offset + 16 + 12 * index)
        yield from ((code, glyph + code - first) for code in range(first, last + 1))


def _advances(hmtx: bytes, *, wide: int, glyphs: int) -> tuple[int, ...]:
    """Read how wide each glyph is; those beyond the first ``wide`` are as wide as the last of them."""
    read = [int.from_bytes(hmtx[4 * glyph : 4 * glyph + 2]) for glyph in range(wide)]
    return tuple(read + read[-1:] * (glyphs - wide))


def _places(loca: bytes, *, is_long: bool) -> tuple[int, ...]:
    if is_long:
        return struct.unpack(f">{len(loca) // 4}I", loca)
    return tuple(2 * place for place in struct.unpack(f">{len(loca) // 2}H", loca))


def subset(face: Typeface, wanted: Sequence[int]) -> tuple[bytes, dict[int, int]]:
    """Make a TrueType file with some glyphs and the parts they are put together from; tells their new numbers."""
    numbers = _numbered(face, wanted)
    outlines = [_renumbered(face.outline(glyph), numbers) for glyph in numbers]
    places, glyf = [0], b""
    for outline in outlines:
        glyf += outline + b"\0" * (-len(outline) % 4)
        places.append(len(glyf))
    head, hhea, maxp = face.tables["head"], face.tables["hhea"], face.tables["maxp"]
    tables = {
        **{tag: face.tables[tag] for tag in _KEPT if tag in face.tables},
        "glyf": glyf,
        "head": head[:8] + b"\0\0\0\0" + head[12:50] + b"\0\1" + head[52:],
        "hhea": hhea[:34] + len(numbers).to_bytes(2),
        "hmtx": b"".join(_metrics(face, glyph) for glyph in numbers),
        "loca": struct.pack(f">{len(places)}I", *places),
        "maxp": maxp[:4] + len(numbers).to_bytes(2) + maxp[6:],
    }
    return _file(tables), numbers


def _numbered(face: Typeface, wanted: Sequence[int]) -> dict[int, int]:
    """Give the glyphs new numbers: the empty box first, then the wanted ones, then their parts."""
    order = list(dict.fromkeys([NO_GLYPH, *wanted]))
    known = set(order)
    for glyph in order:  # it grows on the way: parts may have parts
        parts = [part for _, part in _parts(face.outline(glyph)) if part not in known]
        known.update(parts)
        order += dict.fromkeys(parts)
    return {glyph: number for number, glyph in enumerate(order)}


def _parts(outline: bytes) -> Iterator[tuple[int, int]]:
    """Walk the parts of a glyph that is put together: where each one's number stands, and the number."""
    if not outline or _signed(outline, 0) >= 0:
        return
    at, flags = 10, _MORE
    while flags & _MORE:
        flags, part = struct.unpack_from(">HH", outline, at)
        yield at + 2, part
        at += 8 if flags & _WORDS else 6
        at += 2 if flags & _SCALE else 4 if flags & _TWO_SCALES else 8 if flags & _MATRIX else 0


def _renumbered(outline: bytes, numbers: Mapping[int, int]) -> bytes:
    changed = bytearray(outline)
    for at, part in _parts(outline):
        changed[at : at + 2] = numbers[part].to_bytes(2)
    return bytes(changed)


def _metrics(face: Typeface, glyph: int) -> bytes:
    """Write how wide a glyph is and where it begins: at the left edge of its outline."""
    outline = face.outline(glyph)
    return face.advances[glyph].to_bytes(2) + (outline[2:4] or b"\0\0")


def _file(tables: Tables) -> bytes:
    """Write a TrueType file: its directory, then the tables, each padded, with their checksums."""
    power = len(tables).bit_length() - 1
    directory = struct.pack(">IHHHH", 0x00010000, len(tables), 16 << power, power, 16 * (len(tables) - (1 << power)))
    bodies, at = b"", 12 + 16 * len(tables)
    for tag in sorted(tables):
        body = tables[tag]
        directory += struct.pack(">4sIII", tag.encode("ascii"), _checksum(body), at + len(bodies), len(body))
        bodies += body + b"\0" * (-len(body) % 4)
    whole = directory + bodies
    adjustment = (_CHECKSUM_OF_ALL - _checksum(whole)) % 2**32
    place = at + bodies.index(tables["head"]) + 8
    return whole[:place] + adjustment.to_bytes(4) + whole[place + 4 :]


def _checksum(table: bytes) -> int:
    padded = table + b"\0" * (-len(table) % 4)
    words: tuple[int, ...] = struct.unpack(f">{len(padded) // 4}I", padded)
    return sum(words) % 2**32
