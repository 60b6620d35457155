"""Bytes of one place of many values, which have more in common than whole values have: stored apart, and packed.

Beside each other such bytes differ by chance, so what packs them counts how often each occurs (Huffman) rather than
look for repetitions; constant and periodic ones it finds all the same. Nothing goes into headers and checksums. Where
there are only zeros and ones, a bit each may be less.
"""

import zlib

_LEVEL, _MEMORY, _NO_HEADER = 9, 9, -15


class Planes:
    """Planes of equally many bytes, one after the other."""

    def __init__(self) -> None:
        self.packed = bytearray()

    def add(self, plane: bytes) -> int:
        """Append a plane in the shortest form, and give its length, which names the form.

        Negative: deflated. As many as there are bytes: as they are. Fewer: a bit for each.
        """
        deflated = deflate(plane)
        shortest = min((plane, deflated, _bits(plane)) if max(plane) <= 1 else (plane, deflated), key=len)
        self.packed += shortest
        return -len(shortest) if shortest is deflated else len(shortest)


def read_plane(planes: bytes, start: int, length: int, *, count: int) -> bytes:
    """Read a plane of ``count`` bytes by where it begins and the length that names it."""
    plane = planes[start : start + abs(length)]
    if length < 0:
        return inflate(plane)[0]
    return plane if length == count else _from_bits(plane, count)


def deflate(plane: bytes) -> bytes:
    """Pack bytes, which may make them longer."""
    packing = zlib.compressobj(_LEVEL, zlib.DEFLATED, _NO_HEADER, _MEMORY, zlib.Z_FILTERED)
    return packing.compress(plane) + packing.flush()


def inflate(deflated: bytes) -> tuple[bytes, bytes]:
    """Unpack the bytes that stand at the beginning; gives what follows them too."""
    unpacking = zlib.decompressobj(_NO_HEADER)
    return unpacking.decompress(deflated), unpacking.unused_data


def _bits(plane: bytes) -> bytes:
    return int(plane.translate(_DIGITS), 2).to_bytes(-(-len(plane) // 8), "big")


def _from_bits(packed: bytes, count: int) -> bytes:
    return f"{int.from_bytes(packed, 'big'):0{count}b}".encode().translate(_FROM_DIGITS)


_DIGITS = bytes.maketrans(b"\x00\x01", b"01")
_FROM_DIGITS = bytes.maketrans(b"01", b"\x00\x01")
