"""Draws the layout of an invoice onto pages: where each text, rule and picture stands.

Pages are A4, with margins that leave all of it on Letter paper too. Lengths are whole thousandths of a point, from the
page's upper left corner down; a text stands on its baseline. The head of the table comes again on every page that the
table goes on; a row is torn only if it is longer than a page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from chalicelib.invoices.document_layout import Figure, Layout, Party, Receipt, Row, Total
from chalicelib.invoices.pdf_fonts import Typeface
from chalicelib.invoices.pdf_text import POINT, Length, Style, shown_text, size_to_fit, width_of, wrap

PAGE_WIDTH, PAGE_HEIGHT = 595_276, 841_890
LEFT, RIGHT, TOP, BOTTOM = 48 * POINT, 547 * POINT, 48 * POINT, 762 * POINT
_MIDDLE, _GUTTER = 310 * POINT, 10 * POINT
_LOGO_WIDTH, _LOGO_HEIGHT = 155 * POINT, 50 * POINT
_FOOTER_AT = 790 * POINT

_GREY = (341, 376, 416)
TITLE = Style(22 * POINT, is_bold=True)
HEADING = Style(9 * POINT, is_bold=True, colour=_GREY)
BODY = Style(9 * POINT)
STRONG = Style(9 * POINT, is_bold=True)
SMALL = Style(8 * POINT, colour=_GREY)
NOTICE = Style(9 * POINT, colour=(541, 271, 0))

Span = tuple[Length, Length]
# The columns of the table, left and right: the first is set from the left, the others from the right.
_DESCRIPTION: Span = (LEFT, 288 * POINT)
_FIGURES: tuple[Span, ...] = ((298 * POINT, 382 * POINT), (390 * POINT, 462 * POINT), (470 * POINT, RIGHT))


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text with its left end and its baseline."""

    x: Length
    y: Length
    text: str
    style: Style


@dataclass(frozen=True, slots=True)
class Rule:
    """A thin horizontal line."""

    y: Length
    left: Length
    right: Length
    is_dark: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """Where the logo lies: its upper left corner and its size."""

    x: Length
    y: Length
    width: Length
    height: Length


Mark = Text | Rule | Picture


@dataclass(frozen=True, slots=True)
class Block:
    """Marks that stay together, relative to their upper edge, and how high they are."""

    height: Length
    marks: tuple[Mark, ...] = ()


@dataclass(slots=True)
class _Sheets:
    """The pages so far, and how far down the last one is filled."""

    pages: list[list[Mark]] = field(default_factory=lambda: [[]])
    y: Length = TOP

    def place(self, block: Block, head: Block | None = None) -> None:
        """Put a block below the last one; on a new page, below the head, if it does not fit."""
        if not self.make_room(block.height) and head is not None:
            self.place(head)
        self.pages[-1] += [moved(mark, self.y) for mark in block.marks]
        self.y += block.height

    def make_room(self, height: Length) -> bool:
        """Begin a new page if this one has less room; tells whether it went on as it was."""
        if self.y + height <= BOTTOM or self.y == TOP:
            return True
        self.pages.append([])
        self.y = TOP
        return False


def moved(mark: Mark, down: Length) -> Mark:
    """Give the mark further down."""
    return replace(mark, y=mark.y + down)


def draw_pages(layout: Layout, face: Typeface, picture: tuple[int, int] | None) -> list[list[Mark]]:
    """Draw a layout; ``picture`` is the size of the logo in pixels, if there is one."""
    sheets = _Sheets()
    sheets.place(_header(layout, face, picture))
    sheets.place(_beside(_party(layout.seller, face, LEFT), _party(layout.buyer, face, _MIDDLE)))
    for notice in layout.notices:
        sheets.place(_paragraph(face, notice, NOTICE))
    _table(sheets, layout, face)
    sheets.place(_totals(layout.totals, face, layout.currency))
    _receipts(sheets, face, "Payments", layout.payments)
    _receipts(sheets, face, "Credit notes", layout.credit_notes)
    for note in layout.notes:
        for line in wrap(face, note, size=SMALL.size, width=RIGHT - LEFT):
            sheets.place(_line(LEFT, line, SMALL))
        sheets.place(Block(6 * POINT))
    return [[*marks, *_footer(layout, face, f"{at} / {len(sheets.pages)}")] for at, marks in enumerate(sheets.pages, 1)]


def _footer(layout: Layout, face: Typeface, page: str) -> Iterator[Mark]:
    width = RIGHT - LEFT - 60 * POINT
    name = wrap(face, f"{layout.title} {layout.number}", size=SMALL.size, width=width)[0]
    yield Text(LEFT, _FOOTER_AT, name, SMALL)
    yield Text(RIGHT - width_of(face, page, SMALL.size), _FOOTER_AT, page, SMALL)


def _line(x: Length, text: str, style: Style) -> Block:
    return Block(style.leading, (Text(x, style.size, text, style),))


def _stack(*blocks: Block) -> Block:
    """Put blocks below each other."""
    marks: list[Mark] = []
    height = 0
    for block in blocks:
        marks += [moved(mark, height) for mark in block.marks]
        height += block.height
    return Block(height, tuple(marks))


def _beside(*blocks: Block) -> Block:
    """Put blocks beside each other, with room below."""
    height = max(block.height for block in blocks)
    return Block(height + 18 * POINT, tuple(mark for block in blocks for mark in block.marks))


def _lines(face: Typeface, text: str, style: Style, span: Span) -> list[Block]:
    left, right = span
    return [_line(left, line, style) for line in wrap(face, text, size=style.size, width=right - left)]


def _paragraph(face: Typeface, text: str, style: Style) -> Block:
    return _stack(*_lines(face, text, style, (LEFT, RIGHT)), Block(6 * POINT))


def _header(layout: Layout, face: Typeface, picture: tuple[int, int] | None) -> Block:
    title = _stack(*_logo(picture), _line(LEFT, layout.title, TITLE))
    facts: list[Block] = []
    for fact in layout.facts:
        label = _line(_MIDDLE, fact.label, replace(BODY, colour=_GREY))
        text = _stack(*_lines(face, fact.text, BODY, (_MIDDLE + 80 * POINT, RIGHT)))
        facts.append(Block(text.height, (*label.marks, *text.marks)))
    return _beside(title, _stack(*facts))


def _logo(picture: tuple[int, int] | None) -> Iterator[Block]:
    """Fit the logo into its box; a small one is not blown up beyond a point for each pixel."""
    if picture is None:
        return
    width, height = picture[0] * POINT, picture[1] * POINT
    if width > _LOGO_WIDTH:
        width, height = _LOGO_WIDTH, max(1, height * _LOGO_WIDTH // width)
    if height > _LOGO_HEIGHT:
        width, height = max(1, width * _LOGO_HEIGHT // height), _LOGO_HEIGHT
    yield Block(height + 10 * POINT, (Picture(LEFT, 0, width, height),))


def _party(party: Party, face: Typeface, left: Length) -> Block:
    span = (left, (_MIDDLE if left == LEFT else RIGHT + _GUTTER) - _GUTTER)
    lines = [_line(left, party.heading, HEADING)]
    if party.name:
        lines += _lines(face, party.name, STRONG, span)
    for line in party.lines:
        lines += _lines(face, line, BODY, span)
    return _stack(*lines)


def _table(sheets: _Sheets, layout: Layout, face: Typeface) -> None:
    heads = ("Quantity", "Unit price", f"Amount ({layout.currency})")
    head = Block(
        BODY.leading + 6 * POINT,
        (
            Text(LEFT, HEADING.size, "Description", HEADING),
            *(_right(face, text, HEADING, span) for text, span in zip(heads, _FIGURES, strict=True)),
            Rule(HEADING.leading + 1 * POINT, LEFT, RIGHT, is_dark=True),
        ),
    )
    sheets.make_room(head.height + 4 * BODY.leading)
    sheets.place(head)
    for section in layout.sections:
        title = _stack(Block(6 * POINT), _line(LEFT, section.title, STRONG))
        for row in section.rows:
            lines = _row(row, face)
            whole = [title, *lines] if row is section.rows[0] else [Block(0, _RULE), *lines]
            _place_together(sheets, whole, head)


_RULE: tuple[Mark, ...] = (Rule(0, LEFT, RIGHT, is_dark=False),)


def _place_together(sheets: _Sheets, lines: Sequence[Block], head: Block) -> None:
    """Put a row on one page; one that is longer than a page goes on line by line."""
    whole = _stack(*lines)
    if whole.height <= BOTTOM - TOP - head.height:
        sheets.place(whole, head)
        return
    for line in lines:
        sheets.place(line, head)


def _row(row: Row, face: Typeface) -> list[Block]:
    quantity = _shown(row.quantity)
    with_unit = f"{quantity} {shown_text(row.unit or '')}".strip()
    fits = width_of(face, with_unit, BODY.size) <= _FIGURES[0][1] - _FIGURES[0][0]
    name, *more = _lines(face, row.name, BODY, _DESCRIPTION)
    first = _with_figures(name, face, BODY, (with_unit if fits else quantity, _shown(row.unit_price), row.amount.shown))
    lines = [Block(4 * POINT), first, *more]
    for note in row.notes if fits or not row.unit else (f"in {row.unit}", *row.notes):
        lines += _lines(face, note, SMALL, _DESCRIPTION)
    for tier in row.tiers:
        figures = (tier.quantity.shown, tier.unit_price.shown, tier.amount.shown)
        label, *rest = _lines(face, tier.label, SMALL, _DESCRIPTION)
        lines += [_with_figures(label, face, SMALL, figures), *rest]
    for credit in row.credits:
        lines += _lines(face, credit, SMALL, (LEFT, RIGHT))
    return [*lines, Block(4 * POINT)]


def _shown(figure: Figure | None) -> str:
    return "" if figure is None else figure.shown


def _with_figures(block: Block, face: Typeface, style: Style, figures: Sequence[str]) -> Block:
    placed = [_right(face, text, style, span) for text, span in zip(figures, _FIGURES, strict=True) if text]
    return Block(block.height, (*block.marks, *placed))


def _right(face: Typeface, text: str, style: Style, span: Span) -> Text:
    """Set a figure against the right edge of its column, smaller if it would not fit."""
    left, right = span
    size = size_to_fit(face, text, size=style.size, width=right - left)
    return Text(right - width_of(face, text, size), style.size, text, replace(style, size=size))


def _totals(totals: Sequence[Total], face: Typeface, currency: str) -> Block:
    rows: list[Block] = [Block(10 * POINT)]
    for total in totals:
        style = STRONG if total.is_strong else BODY
        label = f"{total.label} ({currency})" if total.is_strong else total.label
        first, *more = _lines(face, label, style, (_MIDDLE, 450 * POINT))
        amount = _right(face, total.amount.shown, style, (455 * POINT, RIGHT))
        if total.is_strong:
            rows.append(Block(4 * POINT, (Rule(1 * POINT, _MIDDLE, RIGHT, is_dark=True),)))
        rows += [Block(first.height, (*first.marks, amount)), *more, Block(3 * POINT)]
    return _stack(*rows, Block(12 * POINT))


def _receipts(sheets: _Sheets, face: Typeface, title: str, receipts: Sequence[Receipt]) -> None:
    if not receipts:
        return
    sheets.place(_line(LEFT, title, HEADING))
    for one in receipts:
        text, *more = _lines(face, one.text, BODY, (LEFT + 80 * POINT, 450 * POINT))
        amount = _right(face, one.amount.shown, BODY, (455 * POINT, RIGHT))
        marks = (Text(LEFT, BODY.size, one.day, BODY), *text.marks, amount)
        sheets.place(_stack(Block(text.height, marks), *more))
    sheets.place(Block(10 * POINT))
