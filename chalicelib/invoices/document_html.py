"""The invoice as one printable page: no script, nothing from outside, every text escaped.

The page is served under a policy that allows its own style, by the style's hash, and pictures inside the page. It
prints on A4 and Letter: the head of the table comes again on each page, and no row is torn.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape

from chalicelib.catalog.logo import Logo
from chalicelib.invoices.document_layout import Figure, Layout, Party, Receipt, Row, Section, TierRow, Total

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 210mm; padding: 14mm 12mm; background: #fff; color: #1b1f24;
  font: 10pt/1.45 "Noto Sans", "Segoe UI", "Helvetica Neue", Arial, sans-serif; overflow-wrap: anywhere; }
header { display: flex; justify-content: space-between; gap: 12mm; margin-bottom: 9mm; }
h1 { font-size: 22pt; line-height: 1.2; font-weight: 600; margin: 0; }
h2 { font-size: 9pt; font-weight: 600; color: #57606a; margin: 0 0 1mm; break-after: avoid; }
img { display: block; max-width: 55mm; max-height: 18mm; margin-bottom: 5mm; }
dl { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .6mm 5mm; margin: 0; max-width: 88mm; }
dt { color: #57606a; }
dd { margin: 0; }
.parties { display: grid; grid-template-columns: 1fr 1fr; gap: 12mm; margin-bottom: 9mm; }
.name { font-weight: 600; }
.lines { white-space: pre-line; }
.notice { border: 1px solid #b35900; border-radius: 2mm; color: #8a4500; padding: 2mm 3mm; margin: 0 0 4mm; }
table { width: 100%; border-collapse: collapse; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
th, td { padding: 1.6mm 0 1.6mm 4mm; text-align: end; vertical-align: top; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { padding-inline-start: 0; text-align: start; }
[dir] { text-align: left; }
.invoice { table-layout: fixed; }
.invoice th:nth-child(1) { width: 42%; }
.invoice th:nth-child(2) { width: 23%; }
.invoice th:nth-child(3) { width: 16%; }
thead th { color: #57606a; font-weight: 600; font-size: 9pt; border-bottom: 1px solid #1b1f24; }
.section th { font-weight: 600; padding-top: 4mm; break-after: avoid; }
.line td { border-top: 1px solid #d8dee4; }
.section + .line td { border-top: 0; }
.part td, .note { color: #57606a; font-size: 9pt; padding-top: 0; }
.part td:first-child { padding-inline-start: 4mm; }
.totals { width: 84mm; margin: 7mm 0 7mm auto; break-inside: avoid; }
.totals th { font-weight: 400; text-align: start; }
.totals .strong th, .totals .strong td { font-weight: 600; border-top: 1px solid #1b1f24; }
.receipts { margin-bottom: 6mm; }
.receipts td:first-child { width: 28mm; }
.receipts td:nth-child(2) { text-align: start; }
.notes p { margin: 0 0 2mm; white-space: pre-line; }
@page { margin: 16mm 14mm 18mm; @bottom-right { content: counter(page) " / " counter(pages); font-size: 8pt; } }
@media print { body { padding: 0; max-width: none; } }
@media (max-width: 600px) { body { padding: 5mm; } header, .parties { display: block; } .totals { width: 100%; } }
"""

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
# Nothing but this style and pictures that lie in the page itself; nobody else's page may frame it.
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


def render_html(layout: Layout, logo: Logo | None) -> str:
    """Draw the layout as a complete page."""
    title = " ".join(part for part in (layout.title, layout.number) if part)
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n",
        _header(layout, logo),
        f'<section class="parties">{_party(layout.seller)}{_party(layout.buyer)}</section>\n',
        *(f'<p class="notice" dir="auto">{escape(notice)}</p>\n' for notice in layout.notices),
        _table(layout),
        _totals(layout.totals, layout.currency),
        _receipts("Payments", layout.payments),
        _receipts("Credit notes", layout.credit_notes),
        _notes(layout.notes),
        "</body>\n</html>\n",
    ]
    return "".join(parts)


def _header(layout: Layout, logo: Logo | None) -> str:
    picture = "" if logo is None else f'<img src="{escape(logo.uri)}" alt="{escape(layout.seller.name)}">'
    facts = "".join(f'<dt>{escape(fact.label)}</dt><dd dir="auto">{escape(fact.text)}</dd>' for fact in layout.facts)
    return f"<header><div>{picture}<h1>{escape(layout.title)}</h1></div><dl>{facts}</dl></header>\n"


def _party(party: Party) -> str:
    lines = "".join(f'<div class="lines" dir="auto">{escape(line)}</div>' for line in party.lines)
    name = f'<div class="name" dir="auto">{escape(party.name)}</div>' if party.name else ""
    return f"<div><h2>{escape(party.heading)}</h2>{name}{lines}</div>"


def _table(layout: Layout) -> str:
    heads = ("Description", "Quantity", "Unit price", f"Amount ({layout.currency})")
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "".join(_section(section) for section in layout.sections)
    return f'<table class="invoice">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n'


def _section(section: Section) -> str:
    title = f'<tr class="section"><th scope="colgroup" colspan="4">{escape(section.title)}</th></tr>\n'
    return title + "".join(_row(row) for row in section.rows)


def _row(row: Row) -> str:
    notes = "".join(f'<div class="note" dir="auto">{escape(note)}</div>' for note in row.notes)
    quantity = _figure(row.quantity) + (f" <bdi>{escape(row.unit)}</bdi>" if row.unit and row.quantity else "")
    cells = (f'<div dir="auto">{escape(row.name)}</div>{notes}', quantity, _figure(row.unit_price), _figure(row.amount))
    parts = [_cells("line", cells), *map(_tier, row.tiers)]
    parts += [_cells("part", (f'<div dir="auto">{escape(credit)}</div>', "", "", "")) for credit in row.credits]
    return "".join(parts)


def _tier(tier: TierRow) -> str:
    figures = (_figure(one) for one in (tier.quantity, tier.unit_price, tier.amount))
    return _cells("part", (escape(tier.label), *figures))


def _cells(style: str, cells: Iterable[str]) -> str:
    shown = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr class="{style}">{shown}</tr>\n'


def _figure(figure: Figure | None) -> str:
    """Show a figure for people, with the API's own writing of it for machines."""
    return "" if figure is None else f'<data value="{escape(figure.value)}">{escape(figure.shown)}</data>'


def _totals(totals: Sequence[Total], currency: str) -> str:
    rows = "".join(_total(total, f" ({currency})" if total.is_strong else "") for total in totals)
    return f'<table class="totals">\n<tbody>\n{rows}</tbody>\n</table>\n'


def _total(total: Total, currency: str) -> str:
    style = "strong" if total.is_strong else "plain"
    label = f'<th scope="row" dir="auto">{escape(total.label + currency)}</th>'
    return f'<tr class="{style}">{label}<td>{_figure(total.amount)}</td></tr>\n'


def _receipts(title: str, receipts: Sequence[Receipt]) -> str:
    if not receipts:
        return ""
    rows = "".join(
        f'<tr><td>{escape(one.day)}</td><td dir="auto">{escape(one.text)}</td><td>{_figure(one.amount)}</td></tr>\n'
        for one in receipts
    )
    return f'<h2>{escape(title)}</h2>\n<table class="receipts">\n<tbody>\n{rows}</tbody>\n</table>\n'


def _notes(notes: Sequence[str]) -> str:
    shown = "".join(f'<p dir="auto">{escape(note)}</p>' for note in notes)
    return f'<section class="notes">{shown}</section>\n'
