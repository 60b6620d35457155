"""The invoice as a PDF: the drawn pages as PDF objects, with the logo and the characters that are used.

The same layout and logo give the same bytes. The typeface is Noto Sans: all of Latin, Greek and Cyrillic. A character
of another script is an empty box to the eye, and itself to whoever copies or searches the text. Bold is drawn: letters
are filled and outlined.
"""

import io
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from chalicelib.catalog.logo import JPEG, JpegImage, Logo, PngImage, read_jpeg, read_png
from chalicelib.invoices.document_layout import Layout
from chalicelib.invoices.pdf_fonts import Typeface, read_typeface, subset
from chalicelib.invoices.pdf_images import BLENDED_GREY, BLENDED_RGB, mask_of, palette_on_white
from chalicelib.invoices.pdf_pages import PAGE_HEIGHT, PAGE_WIDTH, Mark, Picture, Rule, Text, draw_pages

_FONT_PACKAGE, _FONT_FILE = "fontpkg_noto_sans", "NotoSans[wdth,wght].ttf"
_FONT_NAME = "/MFDOCS+NotoSans"
# Characters by their number in this document, from 1 on; 0 is the one that is not there.
Codes = dict[str, int]


@cache
def typeface() -> Typeface:
    """Read the typeface, once for each process."""
    return read_typeface(files(_FONT_PACKAGE).joinpath("files", _FONT_FILE).read_bytes())


def render_pdf(layout: Layout, logo: Logo | None) -> bytes:
    """Draw the layout as a PDF of A4 pages."""
    import pydyf

    image = None if logo is None else read_jpeg(logo.content) if logo.media_type == JPEG else read_png(logo.content)
    pages = draw_pages(layout, typeface(), None if image is None else (image.width, image.height))
    codes = _codes(pages)
    pdf = pydyf.PDF()
    fonts = pydyf.Dictionary({"F": _add(pdf, _font(pdf, codes))})
    resources = pydyf.Dictionary({"Font": fonts})
    if logo is not None and image is not None:
        picture = _png(pdf, image) if isinstance(image, PngImage) else _jpeg(image, logo.content)
        resources["XObject"] = pydyf.Dictionary({"Logo": _add(pdf, picture)})
    for marks in pages:
        _add_page(pdf, _content(marks, codes), resources)
    pdf.catalog.update({"Lang": pydyf.String("en"), "ViewerPreferences": "<</DisplayDocTitle true>>"})
    pdf.info.update(_about(layout))
    out = io.BytesIO()
    pdf.write(out, version=b"1.7", identifier=True, compress=True)
    return out.getvalue()


def _add(pdf: Any, part: Any) -> bytes:
    pdf.add_object(part)
    reference: bytes = part.reference
    return reference


def _add_page(pdf: Any, content: bytes, resources: Any) -> None:
    import pydyf

    stream = _add(pdf, pydyf.Stream([content], compress=True))
    box = pydyf.Array([0, 0, _points(PAGE_WIDTH), _points(PAGE_HEIGHT)])
    page = {"Type": "/Page", "Parent": pdf.pages.reference, "MediaBox": box, "Contents": stream, "Resources": resources}
    pdf.add_page(pydyf.Dictionary(page))


def _about(layout: Layout) -> dict[str, Any]:
    import pydyf

    title = " ".join(part for part in (layout.title, layout.number) if part)
    about = {"Title": pydyf.String(title), "Producer": pydyf.String("Meterfold")}
    if layout.seller.name:
        about["Author"] = pydyf.String(layout.seller.name)
    if layout.made_at is not None:
        about["CreationDate"] = pydyf.String(layout.made_at.strftime("D:%Y%m%d%H%M%SZ"))
    return about


def _codes(pages: Iterable[Iterable[Mark]]) -> Codes:
    """Give each character that is used a number. Two that look the same have two."""
    used = {character for marks in pages for mark in marks if isinstance(mark, Text) for character in mark.text}
    return {character: code for code, character in enumerate(sorted(used), 1)}


def _points(length: int) -> str:
    """Write a length of whole thousandths in points."""
    sign, whole = ("-", -length) if length < 0 else ("", length)
    return f"{sign}{whole // 1000}.{whole % 1000:03}"


def _content(marks: Iterable[Mark], codes: Codes) -> bytes:
    lines: list[str] = []
    for mark in marks:
        lines.append(_text(mark, codes) if isinstance(mark, Text) else _drawn(mark))
    return "\n".join(lines).encode()


def _drawn(mark: Rule | Picture) -> str:
    return _rule(mark) if isinstance(mark, Rule) else _logo(mark)


def _text(mark: Text, codes: Codes) -> str:
    colour = " ".join(map(_points, mark.style.colour))
    # A thirtieth of the size around each letter makes it bold.
    weight = f"2 Tr {_points(mark.style.size // 32)} w {colour} RG" if mark.style.is_bold else "0 Tr"
    shown = "".join(f"{codes[character]:04x}" for character in mark.text)
    place = f"{_points(mark.x)} {_points(PAGE_HEIGHT - mark.y)} Td"
    return f"BT /F {_points(mark.style.size)} Tf {colour} rg {weight} {place} <{shown}> Tj ET"


def _rule(mark: Rule) -> str:
    y = _points(PAGE_HEIGHT - mark.y)
    colour = "0.106 0.122 0.141" if mark.is_dark else "0.847 0.871 0.894"
    return f"{colour} RG 0.6 w {_points(mark.left)} {y} m {_points(mark.right)} {y} l S"


def _logo(mark: Picture) -> str:
    size = f"{_points(mark.width)} 0 0 {_points(mark.height)}"
    return f"q {size} {_points(mark.x)} {_points(PAGE_HEIGHT - mark.y - mark.height)} cm /Logo Do Q"


def _font(pdf: Any, codes: Codes) -> Any:
    """Make the font: characters by their own numbers, which lead to the glyphs of the smaller typeface."""
    import pydyf

    face = typeface()
    content, numbers = subset(face, [face.glyph_of(character) for character in codes])
    to_glyph = b"\0\0" + b"".join(numbers[face.glyph_of(character)].to_bytes(2) for character in codes)
    widths = [face.advance_of(character) * 1000 // face.units for character in codes]
    described = {
        "Type": "/FontDescriptor",
        "FontName": _FONT_NAME,
        "Flags": 4,
        "FontBBox": pydyf.Array(face.box),
        "ItalicAngle": 0,
        "Ascent": face.ascent,
        "Descent": face.descent,
        "CapHeight": face.ascent,
        "StemV": 80,
        "FontFile2": _add(pdf, pydyf.Stream([content], {"Length1": len(content)}, compress=True)),
    }
    descendant = {
        "Type": "/Font",
        "Subtype": "/CIDFontType2",
        "BaseFont": _FONT_NAME,
        "CIDSystemInfo": "<</Registry (Adobe) /Ordering (Identity) /Supplement 0>>",
        "FontDescriptor": _add(pdf, pydyf.Dictionary(described)),
        "W": pydyf.Array([1, pydyf.Array(widths)]),
        "CIDToGIDMap": _add(pdf, pydyf.Stream([to_glyph], compress=True)),
    }
    return pydyf.Dictionary(
        {
            "Type": "/Font",
            "Subtype": "/Type0",
            "BaseFont": _FONT_NAME,
            "Encoding": "/Identity-H",
            "DescendantFonts": pydyf.Array([_add(pdf, pydyf.Dictionary(descendant))]),
            "ToUnicode": _add(pdf, pydyf.Stream([_to_unicode(codes)], compress=True)),
        }
    )


def _to_unicode(codes: Codes) -> bytes:
    """Say which character each number stands for, so that text can be copied and searched."""
    pairs = [f"<{code:04x}> <{character.encode('utf-16-be').hex()}>" for character, code in codes.items()]
    # A block of the table holds at most 100 pairs.
    blocks = [pairs[start : start + 100] for start in range(0, len(pairs), 100)]
    lines = [line for block in blocks for line in (f"{len(block)} beginbfchar", *block, "endbfchar")]
    head = (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CMapType 2 def\n/CMapName /Used def\n"
        "/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n"
        "1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n"
    )
    return (head + "\n".join(lines) + "\nendcmap\nend\nend").encode()


def _image(image: PngImage | JpegImage, content: bytes, rest: dict[str, Any]) -> Any:
    import pydyf

    size = {"Type": "/XObject", "Subtype": "/Image", "Width": image.width, "Height": image.height}
    return pydyf.Stream([content], {**size, **rest})


def _jpeg(image: JpegImage, content: bytes) -> Any:
    space = "/DeviceGray" if image.components == 1 else "/DeviceRGB"
    return _image(image, content, {"ColorSpace": space, "BitsPerComponent": 8, "Filter": "/DCTDecode"})


def _png(pdf: Any, image: PngImage) -> Any:
    import pydyf

    rows = {"Predictor": 15, "Colors": image.samples, "BitsPerComponent": image.depth, "Columns": image.width}
    rest = {
        "ColorSpace": _colours(pdf, image),
        "BitsPerComponent": image.depth,
        "Filter": "/FlateDecode",
        "DecodeParms": pydyf.Dictionary(rows),
    }
    mask = mask_of(image)
    return _image(image, image.pixels, {**rest, "Mask": pydyf.Array(mask)} if mask else rest)


def _colours(pdf: Any, image: PngImage) -> Any:
    """Name the colours of a PNG: grey, red-green-blue, a palette, or one of the first two with opacity."""
    import pydyf

    if image.colour_type == 3:
        palette = f"<{palette_on_white(image).hex()}>"
        return pydyf.Array(["/Indexed", "/DeviceRGB", len(image.palette) // 3 - 1, palette])
    if image.colour_type == 4:
        return _blended(pdf, ["/Shade", "/Opacity"], "/DeviceGray", BLENDED_GREY)
    if image.colour_type == 6:
        return _blended(pdf, ["/Reds", "/Greens", "/Blues", "/Opacity"], "/DeviceRGB", BLENDED_RGB)
    return "/DeviceGray" if image.colour_type == 0 else "/DeviceRGB"


def _blended(pdf: Any, samples: list[str], space: str, program: str) -> Any:
    """Make colours of samples of which the last is the opacity."""
    import pydyf

    domain, colours = pydyf.Array([0, 1] * len(samples)), pydyf.Array([0, 1] * (len(samples) - 1))
    mixing = pydyf.Stream([program.encode()], {"FunctionType": 4, "Domain": domain, "Range": colours})
    function = _add(pdf, mixing)
    return pydyf.Array(["/DeviceN", pydyf.Array(samples), space, function])
