"""Pictures for tests: PNGs of any kind made here, and small JPEGs."""

import base64
import zlib

_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8ybqm"
    "x5moq6T/2wBDARweHigjKE4rK06kbl1upKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKT/wAARCAAQABgD"
    "ASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAT/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFQEBAQAAAAAAAAAAAAAAAAAAAAT/xAAUEQEA"
    "AAAAAAAAAAAAAAAAAAAA/9oADAMBAAIRAxEAPwCABajAAf/Z"
)
"""24 by 16 pixels, in colour, baseline."""
CMYK_JPEG = base64.b64decode(
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAbEhQXFBEbFxYXHhwbIChCKyglJShROj0wQmBVZWRfVV1baniZgWpxkHNbXYW1hpCeo6utq2eAvMm6pseZ"
    "qKuk/8AAFAgAEAAYBEMRAE0RAFkRAEsRAP/EABUAAQEAAAAAAAAAAAAAAAAAAAAG/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAA4EQwBNAFkASwAA"
    "PwCmUymUwAAAAAAP/9k="
)


def chunk(name: bytes, body: bytes) -> bytes:
    """Make one chunk of a PNG."""
    return len(body).to_bytes(4) + name + body + zlib.crc32(name + body).to_bytes(4)


def png(
    width: int = 4,
    height: int = 3,
    *,
    colour_type: int = 2,
    depth: int = 8,
    palette: bytes = b"",
    transparency: bytes = b"",
    pixel: bytes | None = None,
    interlaced: bool = False,
    rows: int | None = None,
) -> bytes:
    """Make a PNG of one colour; ``pixel`` repeats along each row, ``rows`` may be other than the height says."""
    stride = (width * _SAMPLES[colour_type] * depth + 7) // 8
    row = b"\0" + (pixel or b"\x40").ljust(1, b"\0") * stride
    packed = zlib.compress(row[: stride + 1] * (height if rows is None else rows), 9)
    header = width.to_bytes(4) + height.to_bytes(4) + bytes([depth, colour_type, 0, 0, interlaced])
    parts = [chunk(b"IHDR", header)]
    parts += [chunk(name, body) for name, body in ((b"PLTE", palette), (b"tRNS", transparency)) if body]
    return b"\x89PNG\r\n\x1a\n" + b"".join([*parts, chunk(b"IDAT", packed), chunk(b"IEND", b"")])


def uri(content: bytes, kind: str = "png") -> str:
    """Write a picture as a data URI."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
