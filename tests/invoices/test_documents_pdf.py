"""The PDF: what the layout says, in every script of the typeface, on pages that hold together."""

import io
import re
import struct
from collections import Counter
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from pypdf import PdfReader
from pypdf.generic import NameObject

from chalicelib.catalog.logo import Logo, PngImage, read_png
from chalicelib.invoices.document_html import render_html
from chalicelib.invoices.document_layout import Layout, lay_out
from chalicelib.invoices.document_pdf_service import render_pdf, typeface
from chalicelib.invoices.invoice import Invoice
from chalicelib.invoices.pdf_fonts import read_typeface, subset
from chalicelib.invoices.pdf_images import BLENDED_GREY, BLENDED_RGB, mask_of, palette_on_white
from chalicelib.invoices.pdf_pages import BOTTOM, LEFT, RIGHT, TOP, Picture, Text, draw_pages
from chalicelib.invoices.pdf_text import POINT, size_to_fit, width_of, wrap
from chalicelib.invoices.shown import show_invoice
from tests.catalog.pictures import JPEG, png
from tests.invoices.documents import BERLIN, GRADUATED, Json, everything, invoice, line, texts_of, tier
from tests.invoices.issued import ISSUED_AT, invoices

NINE = 9 * POINT


def laid_out(*lines: Json, **changes: Any) -> Layout:
    return lay_out(invoice(*lines, **changes), BERLIN)


def read(layout: Layout, logo: Logo | None = None) -> PdfReader:
    return PdfReader(io.BytesIO(render_pdf(layout, logo)), strict=True)


def text_of(pdf: PdfReader) -> str:
    return "\n".join(page.extract_text() for page in pdf.pages)


def squeezed(text: str) -> str:
    """Leave the spaces and line breaks out: where a line breaks says nothing about what it says."""
    return "".join(text.split())


def test_every_text_of_the_layout_is_in_the_pdf() -> None:
    layout = lay_out(everything(), BERLIN)
    text = squeezed(text_of(read(layout)))
    assert [each for each in texts_of(layout) if squeezed(each) not in text] == []


@pytest.mark.parametrize(
    "name",
    [
        "Ακρόπολις Υπηρεσίες Α.Ε.",
        "ᾧ ἔργον ᾠδή",
        "ООО «Москва» Ёлки ґанок Ђорђе",
        "Łódź Žižka Øre straße Ğ İ ı ħ ə",
        "Công ty Trách nhiệm",
        "100 € £ ¥ ₴ ₽ ₺ ₿ – — … “x” × ÷ ½ ™",
    ],
)
def test_latin_greek_and_cyrillic_are_drawn_and_read_back(name: str) -> None:
    assert [one for one in name if not typeface().glyph_of(one)] == []
    assert squeezed(name) in squeezed(text_of(read(laid_out(line(name)))))


def test_letters_that_look_alike_are_read_back_as_what_they_are() -> None:
    text = text_of(read(laid_out(line("ABE ΑΒΕ АВЕ"))))
    assert "ABE ΑΒΕ АВЕ" in text


def test_an_accent_that_was_sent_apart_is_drawn_on_its_letter() -> None:
    assert "Café" in text_of(read(laid_out(line("Cafe\u0301"))))


@pytest.mark.parametrize(
    "name", ["שלום עולם", "مرحبا", "株式会社", "\u202eabc\u202c", "😀", "\u200b", "x" * 200, "a\u0301" * 200]
)
def test_any_other_script_is_drawn_without_a_fault(name: str) -> None:
    document = invoice(line(name))
    document["buyer"] = {**document["buyer"], "legal_name": name, "address": name}
    assert len(read(lay_out(document, BERLIN)).pages) == 1


def test_text_of_another_script_can_still_be_copied() -> None:
    assert "株式会社" in text_of(read(laid_out(line("株式会社"))))


def test_the_same_layout_gives_the_same_bytes_and_another_does_not() -> None:
    logo = Logo("image/png", png())
    assert render_pdf(laid_out(), logo) == render_pdf(laid_out(), logo)
    assert render_pdf(laid_out(), logo) != render_pdf(laid_out(number="ACME-000002"), logo)


def test_the_file_is_dated_by_its_invoice_and_a_draft_has_no_date() -> None:
    about = read(laid_out()).metadata
    assert about is not None
    assert (about.title, about.author, about.producer) == ("Invoice ACME-000001", "Cloud GmbH", "Meterfold")
    assert str(about["/CreationDate"]) == "D:20260201233000Z"
    draft = read(laid_out(status="draft", number=None, issued_at=None)).metadata
    assert draft is not None
    assert draft.title == "Draft invoice"
    assert "/CreationDate" not in draft


def test_a_small_invoice_is_one_page_of_a4_and_a_small_file() -> None:
    content = render_pdf(laid_out(), None)
    pdf = PdfReader(io.BytesIO(content))
    assert len(content) < 40_000
    assert len(pdf.pages) == 1
    assert [round(side) for side in pdf.pages[0].mediabox[2:]] == [595, 842]


def test_a_thousand_lines_have_the_head_on_each_page_and_every_line_once() -> None:
    pdf = read(laid_out(*(line(f"No {at:04} end", tiers=GRADUATED if at % 7 == 0 else []) for at in range(1000))))
    pages = [page.extract_text() for page in pdf.pages]
    assert 40 < len(pages) < 80
    with_rows = [text for text in pages if re.search(r"No \d{4} end", text)]
    assert len(with_rows) >= len(pages) - 1
    assert [text.count("Amount (USD)") for text in with_rows] == [1] * len(with_rows)
    assert re.findall(r"No (\d{4}) end", "".join(pages)) == [f"{at:04}" for at in range(1000)]
    assert [f"{at} / {len(pages)}" in text for at, text in enumerate(pages, 1)] == [True] * len(pages)


def test_a_row_is_not_torn_between_pages() -> None:
    layout = laid_out(*(line(f"Row{at}", tiers=GRADUATED, group={"model": f"Note{at}"}) for at in range(100)))
    pages = draw_pages(layout, typeface(), None)
    page_of: dict[str, set[int]] = {}
    for at, marks in enumerate(pages):
        for mark in marks:
            if isinstance(mark, Text) and (found := re.search(r"(?:Row|Note)(\d+)", mark.text)):
                page_of.setdefault(found[1], set()).add(at)
    assert len(page_of) == 100
    assert [row for row, found in page_of.items() if len(found) != 1] == []


def test_a_row_longer_than_a_page_goes_on_below_the_head() -> None:
    tiers = [tier(str(at), str(at + 1), "1", "0.01") for at in range(200)]
    pages = [page.extract_text() for page in read(laid_out(line(tiers=tiers))).pages]
    assert len(pages) >= 4
    assert sum(text.count("Above ") for text in pages) == 199
    assert [text.count("Unit price") for text in pages if "Above" in text] == [1] * sum(
        "Above" in text for text in pages
    )


def has_a_row_below_each_head(layout: Layout) -> bool:
    pages = [[mark.text for mark in marks if isinstance(mark, Text)] for marks in draw_pages(layout, typeface(), None)]
    headed = [texts for texts in pages if "Description" in texts]
    assert headed
    return all(any(text.startswith("Row") for text in texts) for texts in headed) and all(
        "Row of items" in texts for texts in pages if "Items" in texts
    )


@pytest.mark.parametrize("rows", range(20, 45))
def test_the_title_of_a_section_stays_with_its_first_row(rows: int) -> None:
    lines = [*(line(f"Row{at}") for at in range(rows)), line("Row of items", kind="one_off")]
    assert has_a_row_below_each_head(laid_out(*lines))


@pytest.mark.parametrize("reasons", range(15, 30))
def test_the_head_of_the_table_stays_with_its_first_row(reasons: int) -> None:
    layout = laid_out(line("Row"), status="draft", number=None, blocked=[{"reason": "x"}] * reasons)
    assert has_a_row_below_each_head(layout)


def test_what_characters_mean_is_told_in_blocks_of_at_most_100() -> None:
    many = "".join(chr(code) for code in range(0x400, 0x500) if typeface().glyph_of(chr(code)))
    pdf = read(laid_out(line(many)))
    assert set(many) <= set(text_of(pdf))
    table = pdf.pages[0]["/Resources"]["/Font"]["/F"]["/ToUnicode"].get_data()  # type: ignore[index]
    sizes = [int(size) for size in re.findall(rb"(\d+) beginbfchar", table)]
    assert len(sizes) > 2
    assert max(sizes) == 100
    # The range of all numbers is written as a pair too.
    assert sum(sizes) == table.count(b"> <") - 1


def test_nothing_is_drawn_outside_the_margins() -> None:
    long = "W" * 150 + " " + "слово " * 60
    document = everything()
    document["lines"] += [line(long, "-999999999999999999.99", quantity="9" * 18 + ".123456789012", unit=long[:200])]
    for side in ("seller", "buyer"):
        document[side] = dict.fromkeys(document[side], long)
    document["payments"] = [{**document["payments"][0], "reference": long}]
    document["taxes"] = [{"name": long, "percent": "1", "amount": "1.00"}]
    document["number"] = "N" * 120
    face = typeface()
    for marks in draw_pages(lay_out(document, BERLIN), face, (2000, 2000)):
        for mark in marks:
            if isinstance(mark, Text):
                assert mark.x >= LEFT - 1
                assert mark.x + width_of(face, mark.text, mark.style.size) <= RIGHT + 1 * POINT, mark.text
                assert TOP <= mark.y <= BOTTOM or mark.y == 790 * POINT


def test_text_breaks_between_words_and_a_long_word_inside() -> None:
    face = typeface()
    width = width_of(face, "one two", NINE)
    assert wrap(face, "one two three", size=NINE, width=width) == ["one two", "three"]
    assert wrap(face, "one two three", size=NINE, width=width - 1) == ["one", "two", "three"]
    assert wrap(face, "a\n\nb", size=NINE, width=width) == ["a", "", "b"]
    pieces = wrap(face, "x W" + "i" * 100, size=NINE, width=width)
    assert "".join(pieces[1:]) == "W" + "i" * 100
    assert all(width_of(face, piece, NINE) <= width for piece in pieces)
    assert wrap(face, "WW", size=NINE, width=1) == ["W", "W"]


def test_a_figure_is_set_smaller_rather_than_broken() -> None:
    face = typeface()
    width = width_of(face, "1,234.00", NINE)
    assert size_to_fit(face, "1,234.00", size=NINE, width=width) == NINE
    smaller = size_to_fit(face, "1,234.00", size=NINE, width=width - 1)
    assert smaller < NINE
    assert width_of(face, "1,234.00", smaller) <= width - 1


def picture(width: int, height: int) -> Picture:
    [found] = [one for one in draw_pages(laid_out(), typeface(), (width, height))[0] if isinstance(one, Picture)]
    return found


@pytest.mark.parametrize(
    ("pixels", "points"),
    [
        ((100, 40), (100, 40)),
        ((155, 50), (155, 50)),
        ((310, 50), (155, 25)),
        ((310, 100), (155, 50)),
        ((50, 500), (5, 50)),
    ],
)
def test_a_logo_fits_its_box_and_keeps_its_shape(pixels: tuple[int, int], points: tuple[int, int]) -> None:
    drawn = picture(*pixels)
    assert (drawn.width, drawn.height) == (points[0] * POINT, points[1] * POINT)
    assert (drawn.x, drawn.y) == (LEFT, TOP)


def test_the_thinnest_logo_still_has_a_width() -> None:
    assert picture(1, 2000).width > 0
    assert picture(2000, 1).height > 0


def image_of(logo: Logo) -> Any:
    [page] = read(laid_out(), logo).pages
    assert b"/Logo Do" in page.get_contents().get_data()  # type: ignore[union-attr]
    return page["/Resources"]["/XObject"]["/Logo"]  # type: ignore[index]


def test_a_jpeg_goes_into_the_pdf_as_it_is() -> None:
    image = image_of(Logo("image/jpeg", JPEG))
    assert (image["/Width"], image["/Height"], image["/Filter"], image["/ColorSpace"]) == (
        24,
        16,
        "/DCTDecode",
        "/DeviceRGB",
    )
    assert image._data == JPEG


@pytest.mark.parametrize(
    ("colour_type", "depth", "space"),
    [(0, 1, "/DeviceGray"), (2, 16, "/DeviceRGB"), (3, 4, "/Indexed"), (4, 8, "/DeviceN"), (6, 8, "/DeviceN")],
)
def test_a_png_of_every_kind_unpacks_to_its_pixels(colour_type: int, depth: int, space: str) -> None:
    palette = b"\x10\x20\x30" * 4 if colour_type == 3 else b""
    content = png(5, 3, colour_type=colour_type, depth=depth, palette=palette, pixel=b"\x40")
    image = image_of(Logo("image/png", content))
    colours = image["/ColorSpace"]
    assert (colours if isinstance(colours, NameObject) else colours[0]) == space
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour_type]
    assert image.get_data() == b"\x40" * ((5 * samples * depth + 7) // 8 * 3)
    if space == "/DeviceN":
        assert len(colours[1]) == samples
        assert colours[3].get_object()["/FunctionType"] == 4


def test_without_a_logo_there_is_no_image() -> None:
    [page] = read(laid_out()).pages
    assert "/XObject" not in page["/Resources"]  # type: ignore[operator]


def run(program: str, stack: list[Fraction]) -> list[Fraction]:
    """Run a program of a PDF's function."""
    for word in program.strip("{} ").split():
        if word in {"mul", "sub"}:
            second, first = stack.pop(), stack.pop()
            stack.append(first * second if word == "mul" else first - second)
        elif word == "exch":
            stack[-2:] = [stack[-1], stack[-2]]
        elif word == "dup":
            stack.append(stack[-1])
        elif word == "index":
            stack.append(stack[-1 - int(stack.pop())])
        elif word == "roll":
            by, size = int(stack.pop()), int(stack.pop())
            part = stack[-size:]
            stack[-size:] = part[-by:] + part[:-by]
        else:
            stack.append(Fraction(word))
    return stack


def test_transparent_pixels_are_mixed_with_white() -> None:
    red, green, blue, opacity = Fraction(1, 10), Fraction(5, 10), Fraction(9, 10), Fraction(3, 10)
    mixed = [share * opacity + (1 - opacity) for share in (red, green, blue)]
    assert run(BLENDED_RGB, [red, green, blue, opacity]) == mixed
    assert run(BLENDED_GREY, [red, opacity]) == mixed[:1]


def test_transparent_colours_of_a_palette_are_mixed_with_white() -> None:
    read_back = read_png(png(colour_type=3, palette=bytes([0, 100, 200] * 3), transparency=bytes([255, 0])))
    assert palette_on_white(read_back) == bytes([0, 100, 200, 255, 255, 255, 0, 100, 200])


@pytest.mark.parametrize(
    ("colour_type", "transparency", "mask"),
    [(0, b"\0\x07", [7, 7]), (2, b"\0\1\0\2\0\3", [1, 1, 2, 2, 3, 3]), (2, b"", []), (6, b"", [])],
)
def test_one_colour_may_stand_for_nothing(colour_type: int, transparency: bytes, mask: list[int]) -> None:
    image: PngImage = read_png(png(colour_type=colour_type, transparency=transparency))
    assert mask_of(image) == mask


def test_a_smaller_typeface_has_the_glyphs_and_their_parts_and_no_others() -> None:
    face = typeface()
    wanted = [face.glyph_of(character) for character in "AÄA"]
    content, numbers = subset(face, wanted)
    assert numbers[0] == 0
    assert list(numbers)[1:3] == [face.glyph_of("A"), face.glyph_of("Ä")]
    # The accent is a part of its own, without being asked for.
    assert len(numbers) > 3
    tables = {}
    for at in range(struct.unpack_from(">H", content, 4)[0]):
        tag, _, offset, length = struct.unpack_from(">4sIII", content, 12 + 16 * at)
        tables[tag.decode()] = content[offset : offset + length]
    places = struct.unpack(f">{len(numbers) + 1}I", tables["loca"])
    outline = tables["glyf"][places[1] : places[2]]
    assert outline.startswith(face.outline(face.glyph_of("A")))
    composed = tables["glyf"][places[2] : places[3]]
    assert struct.unpack_from(">h", composed)[0] < 0
    assert struct.unpack_from(">H", composed, 12)[0] == numbers[face.glyph_of("A")]
    assert tables["hmtx"][4:6] == face.advance_of("A").to_bytes(2)
    assert set(tables) == {"glyf", "head", "hhea", "hmtx", "loca", "maxp", "prep"}


def test_a_smaller_typeface_adds_up_to_the_number_that_all_do() -> None:
    content, _ = subset(typeface(), [typeface().glyph_of("A")])
    assert sum(struct.unpack(f">{len(content) // 4}I", content)) % 2**32 == 0xB1B0AFBA


def test_a_typeface_without_a_table_that_can_be_read_is_refused() -> None:
    content, _ = subset(typeface(), [])
    # Its hints, called a table of characters: it begins with what reads as no entry at all.
    tables = content.replace(b"prep", b"cmap").partition(typeface().tables["prep"])
    broken = tables[0] + bytes(len(tables[1])) + tables[2]
    with pytest.raises(ValueError, match="no table of characters"):
        read_typeface(broken)


def test_bold_letters_are_outlined_and_others_are_not() -> None:
    [page] = read(laid_out()).pages
    modes = Counter(re.findall(rb"(\d) Tr", page.get_contents().get_data()))  # type: ignore[union-attr]
    assert set(modes) == {b"0", b"2"}


@given(invoices)
@settings(max_examples=40)
def test_any_invoice_that_the_api_shows_can_be_drawn(any_invoice: Invoice) -> None:
    layout = lay_out(show_invoice(any_invoice, ISSUED_AT), BERLIN)
    assert render_html(layout, None).endswith("</html>\n")
    assert len(read(layout).pages) >= 1
