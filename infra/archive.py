"""Writes a zip that is the same byte for byte whenever it holds the same files, and weighs what is in it."""

import io
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from infra.refusals import Unpackaged

__all__ = ["MOST_BYTES", "MOST_BYTES_WITHOUT_PDF", "Sizes", "check_sizes", "sizes_of", "write_zip"]

MOST_BYTES = 15_000_000
MOST_BYTES_WITHOUT_PDF = 8_000_000
# What draws invoices as PDF.
PDF_PARTS = ("pydyf/", "fontpkg", "chalicelib/invoices/pdf_", "chalicelib/invoices/document_pdf")

# The first instant that a zip can tell; files that anybody may read.
_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644
_UNIX = 3


def write_zip(files: Mapping[str, bytes]) -> bytes:
    """Write the files by the order of their paths, with one time, one mode and the strongest compression."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as opened:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, _TIME)
            entry.create_system = _UNIX
            entry.external_attr = _MODE << 16
            opened.writestr(entry, files[path], zipfile.ZIP_DEFLATED, compresslevel=9)
    return written.getvalue()


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a zip weighs, in bytes. ``parts``: by package, as compressed, the heaviest first."""

    whole: int
    pdf: int
    unpacked: int
    parts: Mapping[str, int]

    @property
    def without_pdf(self) -> int:
        """Tell what is left without what draws PDF."""
        return self.whole - self.pdf

    def lines(self) -> list[str]:
        """Show the parts and the sums against their limits."""
        rows = [
            *self.parts.items(),
            (f"without PDF (at most {MOST_BYTES_WITHOUT_PDF:,})", self.without_pdf),
            (f"in all (at most {MOST_BYTES:,})", self.whole),
            ("unpacked", self.unpacked),
        ]
        width = max(len(name) for name, _ in rows)
        return [f"{name:<{width}} {size:>12,}" for name, size in rows]


def sizes_of(content: bytes) -> Sizes:
    """Weigh a zip: the files of each package as they are compressed, and in all with the zip's own lists."""
    parts: Counter[str] = Counter()
    pdf = unpacked = 0
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        for one in opened.infolist():
            parts[_part_of(one.filename)] += one.compress_size
            unpacked += one.file_size
            pdf += one.compress_size if _path_of_source(one.filename).startswith(PDF_PARTS) else 0
    return Sizes(len(content), pdf, unpacked, dict(parts.most_common()))


def _part_of(path: str) -> str:
    top = _path_of_source(path).split("/")[0]
    return top.removesuffix(".py").split(".")[0]


def _path_of_source(path: str) -> str:
    return path.replace("__pycache__/", "")


def check_sizes(sizes: Sizes) -> None:
    """Raise ``Unpackaged`` for a zip that is heavier than it may be."""
    if sizes.whole > MOST_BYTES or sizes.without_pdf > MOST_BYTES_WITHOUT_PDF:
        raise Unpackaged("\n".join(["The zip is too large.", *sizes.lines()]))
