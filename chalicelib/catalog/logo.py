"""The seller's logo: a small PNG or JPEG, checked whole, so that every viewer of an invoice can draw it.

A logo is looked at once, when it is set. Whatever passes here can be put into a page or a PDF as it is: its chunks are
intact, its pixels unpack to exactly the size it names, and it uses no feature that a PDF does not know.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Iterator

from chalicelib.shared.values import dataclass

MAX_BYTES = 48 * 1024
MAX_SIDE = 2000
DATA_URI = r"^data:image/(png|jpeg);base64,[A-Za-z0-9+/]+={0,2}$"
PNG, JPEG = "image/png", "image/jpeg"

_PNG_STARTS = b"\x89PNG\r\n\x1a\n"
_JPEG_STARTS, _JPEG_ENDS = b"\xff\xd8\xff", b"\xff\xd9"
# Samples of a pixel by colour type, and the bit depths that each may have: grey, colour, palette, each with alpha.
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
# Baseline, extended and progressive; the others are lossless or arithmetic, which hardly anything can show.
_JPEG_FRAMES = {0xC0, 0xC1, 0xC2}
_OTHER_FRAMES = {*range(0xC3, 0xD0)} - {0xC4, 0xC8, 0xCC}
_NO_LENGTH = {0x01, *range(0xD0, 0xD8)}


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture that has been checked: its media type and its bytes."""

    media_type: str
    content: bytes

    @property
    def uri(self) -> str:
        """Write it as a data URI."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.content).decode()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PngImage:
    """What a PNG says: sizes in pixels, and its pixels as they are packed (``colour_type`` as in the PNG standard)."""

    width: int
    height: int
    depth: int
    colour_type: int
    palette: bytes
    transparency: bytes
    pixels: bytes

    @property
    def samples(self) -> int:
        """Count the samples of one pixel."""
        return _SAMPLES[self.colour_type]


@dataclass(frozen=True, slots=True)
class JpegImage:
    """What a JPEG says: sizes in pixels; one component is grey, three are colour."""

    width: int
    height: int
    components: int


def logo_of(uri: str) -> Logo:
    """Read back what ``Logo.uri`` wrote, without checking the picture again."""
    head, _, encoded = uri.partition(";base64,")
    return Logo(head.removeprefix("data:"), base64.b64decode(encoded))


def read_logo(text: str) -> Logo:
    """Read a logo from its data URI; raises ``ValueError`` with the reason, in words for the caller."""
    found = re.fullmatch(DATA_URI.strip("^$"), text)
    if found is None:
        raise ValueError("must be a PNG or JPEG as a data URI: data:image/png;base64,...")
    try:
        content = base64.b64decode(text.partition(",")[2], validate=True)
    except binascii.Error:
        raise ValueError("is not valid base64") from None
    if len(content) > MAX_BYTES:
        raise ValueError(f"must have at most {MAX_BYTES} bytes")
    image = read_png(content) if found[1] == "png" else read_jpeg(content)
    if not (0 < image.width <= MAX_SIDE and 0 < image.height <= MAX_SIDE):
        raise ValueError(f"must be at most {MAX_SIDE} pixels wide and high")
    if isinstance(image, PngImage):
        _check_pixels(image)
    return Logo(f"image/{found[1]}", content)


def read_png(content: bytes) -> PngImage:
    """Read the chunks of a PNG; raises ``ValueError``. Its pixels are not unpacked."""
    if not content.startswith(_PNG_STARTS):
        raise ValueError("is not a PNG")
    chunks: dict[bytes, bytes] = {}
    for name, body in _chunks(content):
        chunks[name] = chunks.get(name, b"") + body if name == b"IDAT" else body
    header = chunks.get(b"IHDR", b"")
    if len(header) != 13 or header[10:12] != b"\0\0":
        raise ValueError("is not a PNG that can be read")
    if header[12]:
        raise ValueError("must not be interlaced")
    image = PngImage(
        width=int.from_bytes(header[:4]),
        height=int.from_bytes(header[4:8]),
        depth=header[8],
        colour_type=header[9],
        palette=chunks.get(b"PLTE", b""),
        transparency=chunks.get(b"tRNS", b""),
        pixels=chunks.get(b"IDAT", b""),
    )
    _check_colours(image)
    return image


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG_STARTS)
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4])
        name, body = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        if zlib.crc32(name + body) != int.from_bytes(content[at + 8 + length : at + 12 + length]):
            break
        yield name, body
        if name == b"IEND":
            return
        at += 12 + length
    raise ValueError("is a PNG that is broken or cut off")


def _check_colours(image: PngImage) -> None:
    if image.depth not in _DEPTHS.get(image.colour_type, ()):
        raise ValueError("is a PNG with colours that do not exist")
    entries = len(image.palette) // 3
    if image.colour_type == 3 and (len(image.palette) % 3 or not 0 < entries <= 256):
        raise ValueError("is a PNG without its palette")
    most = {0: 2, 2: 6, 3: entries}.get(image.colour_type, 0)
    if len(image.transparency) > most or (image.colour_type != 3 and len(image.transparency) not in (0, most)):
        raise ValueError("is a PNG whose transparency cannot be read")


def _check_pixels(image: PngImage) -> None:
    """Unpack the pixels and see that they are as many as the header says, each row with a filter that exists."""
    row = 1 + (image.width * image.samples * image.depth + 7) // 8
    unpacker = zlib.decompressobj()
    try:
        pixels = unpacker.decompress(image.pixels, row * image.height + 1)
    except zlib.error:
        raise ValueError("is a PNG that is broken or cut off") from None
    if len(pixels) != row * image.height or not unpacker.eof or max(pixels[::row]) > 4:
        raise ValueError("is a PNG that is broken or cut off")


def read_jpeg(content: bytes) -> JpegImage:
    """Read the size of a JPEG; raises ``ValueError``."""
    if not content.startswith(_JPEG_STARTS):
        raise ValueError("is not a JPEG")
    for marker, body in _segments(content):
        if marker in _JPEG_FRAMES and len(body) >= 6 and _JPEG_ENDS in content[-64:]:
            image = JpegImage(int.from_bytes(body[3:5]), int.from_bytes(body[1:3]), body[5])
            if body[0] != 8 or image.components not in (1, 3):
                raise ValueError("must be grey or in colours of the screen, 8 bits each")
            return image
        if marker in _OTHER_FRAMES:
            raise ValueError("must be a baseline or progressive JPEG")
    raise ValueError("is a JPEG that is broken or cut off")


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Walk the segments before the pixels: the marker of each, and what follows its length."""
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF or marker in _NO_LENGTH:
            at += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(content[at + 2 : at + 4])
        if marker == 0xDA or length < 2:
            return
        yield marker, content[at + 4 : at + 2 + length]
        at += 2 + length
