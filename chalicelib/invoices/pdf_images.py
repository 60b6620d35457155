"""How a PDF holds a picture without unpacking it.

A PDF unpacks and unfilters the pixels of a PNG by itself; only transparency is kept in another way there. An invoice is
printed on white, so the transparent share of a pixel is white here: in a palette at once, and where each pixel has a
share of its own by a small program that the viewer runs.
"""

from chalicelib.catalog.logo import PngImage

# Programs of PDF functions: a colour and its opacity become 1 - opacity * (1 - colour), one channel after the other.
_ON_WHITE = "1 exch sub mul 1 exch sub"
BLENDED_GREY = f"{{ exch {_ON_WHITE} }}"
BLENDED_RGB = f"{{ dup 5 1 roll exch {_ON_WHITE} 4 1 roll 2 index exch {_ON_WHITE} 4 1 roll {_ON_WHITE} 3 1 roll }}"


def palette_on_white(image: PngImage) -> bytes:
    """Give the palette with the transparent share of each colour in white."""
    opacities = image.transparency.ljust(len(image.palette) // 3, b"\xff")
    shares = (opacities[at // 3] for at in range(len(image.palette)))
    return bytes(255 - (255 - value) * share // 255 for value, share in zip(image.palette, shares, strict=True))


def mask_of(image: PngImage) -> list[int]:
    """Give the colour that stands for nothing, as a range of each sample; empty when all colours show."""
    samples = range(0, len(image.transparency), 2) if image.colour_type in (0, 2) else ()
    values = [int.from_bytes(image.transparency[at : at + 2]) for at in samples]
    return [bound for value in values for bound in (value, value)]
