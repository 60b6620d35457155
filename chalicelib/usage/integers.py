"""Whole numbers in few bytes: their distances from the lowest, as planes.

A plane holds one byte of each distance, the lowest byte first. Random low bytes cannot be packed, but what stands above
them hardly varies: apart from each other both take about as little as there is to tell.
"""

from collections.abc import Sequence
from typing import Any

from chalicelib.usage.planes import Planes, read_plane

# Numbers that need more are better off as text.
MOST_PLANES = 8


def add_integers(numbers: Sequence[int], planes: Planes) -> list[Any] | None:
    """Add the planes of at least one number; gives where they begin, the lowest number, and the planes' lengths.

    ``None``, and nothing is added, when the numbers lie too far apart.
    """
    lowest = min(numbers)
    distances = [number - lowest for number in numbers]
    count = -(-max(distances).bit_length() // 8)
    if count > MOST_PLANES:
        return None
    start = len(planes.packed)
    lengths = [planes.add(bytes([one >> shift & 255 for one in distances])) for shift in range(0, 8 * count, 8)]
    return [start, lowest, lengths]


def read_integers(where: Sequence[Any], planes: bytes, *, count: int) -> list[int]:
    """Read ``count`` numbers by what adding them gave."""
    start, lowest, lengths = where
    numbers = [lowest] * count
    for place, length in enumerate(lengths):
        plane = read_plane(planes, start, length, count=count)
        numbers = [number + (byte << 8 * place) for number, byte in zip(numbers, plane, strict=True)]
        start += abs(length)
    return numbers
