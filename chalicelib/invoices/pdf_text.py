"""Measures and wraps text. Lengths are whole thousandths of a point: the same text breaks the same everywhere."""

import unicodedata
from collections.abc import Iterator

from chalicelib.invoices.pdf_fonts import Typeface
from chalicelib.shared.values import dataclass

Length = int

POINT: Length = 1000
_LEAST_SIZE: Length = 3 * POINT


@dataclass(frozen=True, slots=True)
class Style:
    """How text is set: its size, thick or not, and its colour as three shares of 1000 (red, green, blue)."""

    size: Length
    is_bold: bool = False
    colour: tuple[int, int, int] = (106, 122, 141)

    @property
    def leading(self) -> Length:
        """Tell how far apart lines stand."""
        return self.size * 14 // 10


def shown_text(text: str) -> str:
    """Write text as it is set: composed, and without what has no width and no shape."""
    return "".join(one for one in unicodedata.normalize("NFC", text) if unicodedata.category(one) not in ("Cf", "Cc"))


def width_of(face: Typeface, text: str, size: Length) -> Length:
    """Tell how wide a line of text is."""
    return sum(map(face.advance_of, text)) * size // face.units


def wrap(face: Typeface, text: str, *, size: Length, width: Length) -> list[str]:
    """Break text into lines that fit: at its own line breaks, between words, and inside a word that is too long."""
    return [line for part in text.split("\n") for line in _wrapped(face, shown_text(part), size=size, width=width)]


def _wrapped(face: Typeface, text: str, *, size: Length, width: Length) -> Iterator[str]:
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if width_of(face, longer, size) <= width:
            line = longer
            continue
        if line:
            yield line
        *full, line = _pieces(face, word, size=size, width=width)
        yield from full
    yield line


def _pieces(face: Typeface, word: str, *, size: Length, width: Length) -> Iterator[str]:
    """Cut a word into pieces that fit; one character always does."""
    piece, used = "", 0
    for character in word:
        advance = face.advance_of(character) * size
        if piece and used + advance > width * face.units:
            yield piece
            piece, used = "", 0
        piece, used = piece + character, used + advance
    yield piece


def size_to_fit(face: Typeface, text: str, *, size: Length, width: Length) -> Length:
    """Give the size at which a figure fits its column: a number is never broken."""
    needed = width_of(face, text, size)
    return size if needed <= width else max(_LEAST_SIZE, size * width // needed)
