"""A logo is looked at whole when it is set: what passes can be drawn by every viewer of an invoice."""

import zlib

import pytest

from chalicelib.catalog.logo import MAX_BYTES, MAX_SIDE, Logo, logo_of, read_jpeg, read_logo, read_png
from tests.catalog.pictures import CMYK_JPEG, JPEG, chunk, png, uri


def padded(size: int) -> bytes:
    """Make a PNG of exactly so many bytes."""
    plain = png()
    text = chunk(b"tEXt", b"x" * (size - len(plain) - 12))
    return plain[:-12] + text + plain[-12:]


def reason_of(text: str) -> str:
    with pytest.raises(ValueError, match=r".") as refused:
        read_logo(text)
    return str(refused.value)


def test_a_png_and_a_jpeg_are_read_and_written_back() -> None:
    for content, kind in ((png(), "png"), (JPEG, "jpeg")):
        logo = read_logo(uri(content, kind))
        assert logo == Logo(f"image/{kind}", content) == logo_of(logo.uri)
        assert logo.uri == uri(content, kind)


def test_a_logo_has_48_kilobytes_and_not_one_more() -> None:
    assert len(read_logo(uri(padded(MAX_BYTES))).content) == 49_152
    assert reason_of(uri(padded(MAX_BYTES + 1))) == "must have at most 49152 bytes"


def test_a_side_has_2000_pixels_and_not_one_more() -> None:
    read_logo(uri(png(MAX_SIDE, 1)))
    read_logo(uri(png(1, MAX_SIDE)))
    for width, height in ((MAX_SIDE + 1, 1), (1, MAX_SIDE + 1), (0, 1), (1, 0)):
        assert "2000 pixels" in reason_of(uri(png(width, height)))
    wide = JPEG.replace(b"\0\x10\0\x18", b"\0\x10\x07\xd1", 1)
    assert "2000 pixels" in reason_of(uri(wide, "jpeg"))


def test_the_bytes_decide_not_the_name_of_the_type() -> None:
    assert reason_of(uri(JPEG, "png")) == "is not a PNG"
    assert reason_of(uri(png(), "jpeg")) == "is not a JPEG"
    assert reason_of(uri(b"<svg/>", "png")) == "is not a PNG"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://example.com/logo.png",
        uri(b"<svg/>", "svg+xml"),
        uri(png()).replace("base64,", "base64, "),
        uri(png()) + "\n",
        uri(png()).upper(),
        "data:image/png;base64,",
    ],
)
def test_anything_but_a_data_uri_of_two_types_is_refused(text: str) -> None:
    assert reason_of(text) == "must be a PNG or JPEG as a data URI: data:image/png;base64,..."


def test_base64_that_is_cut_is_refused() -> None:
    assert reason_of("data:image/png;base64,iVBORw0KG") == "is not valid base64"


@pytest.mark.parametrize(
    ("colour_type", "depth"), [(0, 1), (0, 16), (2, 8), (2, 16), (3, 1), (3, 8), (4, 8), (4, 16), (6, 8), (6, 16)]
)
def test_every_kind_of_colour_is_read(colour_type: int, depth: int) -> None:
    palette = b"\0\0\0\xff\xff\xff" if colour_type == 3 else b""
    read = read_png(png(5, 2, colour_type=colour_type, depth=depth, palette=palette))
    assert (read.width, read.height, read.depth, read.colour_type) == (5, 2, depth, colour_type)
    read_logo(uri(png(5, 2, colour_type=colour_type, depth=depth, palette=palette)))


def test_a_png_that_no_pdf_could_hold_is_refused() -> None:
    assert reason_of(uri(png(interlaced=True))) == "must not be interlaced"
    assert "colours" in reason_of(uri(png(colour_type=2, depth=4)))
    assert "palette" in reason_of(uri(png(colour_type=3)))
    assert "palette" in reason_of(uri(png(colour_type=3, palette=b"\0" * 769)))
    assert "transparency" in reason_of(uri(png(transparency=b"\0")))
    assert "transparency" in reason_of(uri(png(colour_type=3, palette=b"\0" * 3, transparency=b"\0\0")))


def test_a_png_with_a_changed_byte_or_a_missing_end_is_refused() -> None:
    whole = png()
    broken = [whole[:-12], whole[:20] + b"\x01" + whole[21:], whole[:-20] + b"\x01" + whole[-19:]]
    assert {reason_of(uri(one)) for one in broken} == {"is a PNG that is broken or cut off"}


@pytest.mark.parametrize("rows", [2, 4])
def test_pixels_are_as_many_as_the_header_says(rows: int) -> None:
    assert reason_of(uri(png(height=3, rows=rows))) == "is a PNG that is broken or cut off"
    read_logo(uri(png(height=3, rows=3)))


def test_pixels_end_with_their_own_checksum() -> None:
    whole = png(4, 1)
    start = whole.index(b"IDAT") - 4
    packed = zlib.compress(b"\0" * 13)
    read_logo(uri(whole[:start] + chunk(b"IDAT", packed) + chunk(b"IEND", b"")))
    assert "broken" in reason_of(uri(whole[:start] + chunk(b"IDAT", packed[:-4]) + chunk(b"IEND", b"")))


def test_a_row_with_a_filter_that_does_not_exist_is_refused() -> None:
    row = bytes([5]) + b"\0" * 12
    whole = png(4, 1)
    start = whole.index(b"IDAT") - 4
    assert "broken" in reason_of(uri(whole[:start] + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")))
    row = bytes([4]) + b"\0" * 12
    read_logo(uri(whole[:start] + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")))


def test_a_jpeg_tells_its_size() -> None:
    read = read_jpeg(JPEG)
    assert (read.width, read.height, read.components) == (24, 16, 3)


def test_a_jpeg_that_is_cut_off_or_made_for_printing_presses_is_refused() -> None:
    assert reason_of(uri(JPEG[:-2], "jpeg")) == "is a JPEG that is broken or cut off"
    assert reason_of(uri(JPEG[:60], "jpeg")) == "is a JPEG that is broken or cut off"
    assert reason_of(uri(CMYK_JPEG, "jpeg")) == "must be grey or in colours of the screen, 8 bits each"
    assert "baseline" in reason_of(uri(JPEG.replace(b"\xff\xc0", b"\xff\xc3", 1), "jpeg"))
