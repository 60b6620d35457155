/** The lines of an invoice, grouped by what they charge; each unfolds to how it came about. */
import { useState } from "preact/hooks";
import { isZero } from "./decimal.js";
import { Money, Quantity } from "./figures.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { LineExplanation } from "./invoice_line.js";
import { Less, Live, hasNet, periodOf } from "./invoice_words.js";
import { Link, go } from "./place.js";
import { More } from "./ui.js";

const SHOWN = 100;
/** @type {[string, string[]][]} */
const GROUPS = [
  ["Usage", ["usage"]],
  ["Recurring fees", ["recurring"]],
  ["Minimum and maximum", ["minimum", "cap"]],
  ["Late usage", ["late_usage"]],
  ["One-off", ["one_off"]],
  ["Discount", ["discount"]],
  ["Carried to credit", ["carried_to_credit"]],
];

/** @param {{invoice: any, line?: string, timezone: string}} props */
export function InvoiceLines({ invoice, line, timezone }) {
  const [open, setOpen] = useState(() => new Set(line ? [line] : []));
  if (line && !open.has(line)) setOpen(new Set([...open, line]));
  const toggle = (/** @type {string} */ id) => {
    const next = new Set(open);
    const isOpen = next.delete(id) || !next.add(id);
    const last = [...next].pop() ?? null;
    setOpen(next);
    go({ invoice: invoice.id, line: isOpen ? last : id }, { replace: true });
  };
  if (invoice.lines.length === 0) return html`<p class="quiet invoice-no-lines">There are no lines${invoice.status === "draft" ? " yet: nothing of this period was used" : ""}.</p>`;
  return html`<table class="invoice-lines" role="table" aria-label="Lines">
    <thead role="rowgroup"><tr role="row">
      <th role="columnheader" scope="col">Description</th><th role="columnheader" scope="col" class="numeric">Quantity</th>
      <th role="columnheader" scope="col" class="numeric">Unit price</th><th role="columnheader" scope="col" class="numeric">Amount</th></tr></thead>
    ${GROUPS.map(([title, kinds]) => {
      const lines = invoice.lines.filter((/** @type {any} */ each) => kinds.includes(each.kind));
      return lines.length > 0 && html`<${Group} key=${title} title=${title} lines=${lines} open=${open} toggle=${toggle} invoice=${invoice} timezone=${timezone} />`;
    })}
  </table>`;
}

/** @param {{title: string, lines: any[], open: Set<string>, toggle: (id: string) => void, invoice: any, timezone: string}} props */
function Group({ title, lines, open, toggle, invoice, timezone }) {
  const [isWhole, setWhole] = useState(() => lines.slice(SHOWN).some((each) => open.has(each.id)));
  const shown = isWhole ? lines : lines.slice(0, SHOWN);
  return html`<tbody role="rowgroup">
    <tr role="row" class="invoice-line-group"><th role="rowheader" scope="rowgroup" colspan="4">${title}</th></tr>
    ${shown.map((each) => html`<${Line} key=${each.id} line=${each} isOpen=${open.has(each.id)} toggle=${toggle} invoice=${invoice} timezone=${timezone} />`)}
    ${shown.length < lines.length && html`<tr role="row"><td role="cell" colspan="4"><${More} more onMore=${() => setWhole(true)} label=${`Show all ${lines.length} lines`} /></td></tr>`}
  </tbody>`;
}

/** @param {{line: any, isOpen: boolean, toggle: (id: string) => void, invoice: any, timezone: string}} props */
function Line({ line, isOpen, toggle, invoice, timezone }) {
  const { currency, period } = invoice;
  const isOfPeriod = line.service_period.start === period.start && line.service_period.end === period.end;
  const id = `line-${line.id}`;
  return html`
    <tr role="row" class="invoice-line" data-line=${line.id}>
      <td role="cell" class="invoice-line-what">
        <button type="button" class="plain invoice-line-name" aria-expanded=${isOpen} aria-controls=${isOpen ? id : null} onClick=${() => toggle(line.id)}>
          <${Icon} name="right" /><span dir="auto">${line.name}</span></button>
        <div class="invoice-line-notes">
          ${Object.entries(line.group ?? {}).map(([name, value]) => html`<span key=${name} class="invoice-group-value" dir="auto">${name}: <b>${value}</b></span>`)}
          ${line.origin ? html`<${Origin} origin=${line.origin} timezone=${timezone} />` : !isOfPeriod && html`<span>${periodOf(line.service_period, timezone)}</span>`}
        </div>
      </td>
      <td role="cell" class="numeric invoice-line-quantity">${line.quantity !== null && html`<${Live} of=${line.quantity}><${Quantity} quantity=${line.quantity} unit=${line.unit} short /><//>`}</td>
      <td role="cell" class="numeric invoice-line-price"><${UnitPrice} line=${line} currency=${currency} onUnfold=${() => isOpen || toggle(line.id)} /></td>
      <td role="cell" class="numeric invoice-line-amount"><${Live} of=${line.amount}><${Money} amount=${line.amount} currency=${currency} /><//>
        ${hasNet(line) && html`<small class="quiet invoice-line-net">net <${Live} of=${line.net}><${Money} amount=${line.net} currency=${currency} /><//></small>`}</td>
    </tr>
    ${line.credits.map((/** @type {any} */ each) => html`<tr role="row" class="invoice-line-credit" key=${each.grant}>
      <td role="cell" colspan="3"><span class="quiet">Credit:</span> <span dir="auto">${each.name}</span></td>
      <td role="cell" class="numeric"><${Live} of=${each.amount}><${Less} amount=${each.amount} currency=${currency} /><//></td></tr>`)}
    ${isOpen && html`<tr role="row" class="invoice-unfolded"><td role="cell" colspan="4" id=${id}><${LineExplanation} line=${line} invoice=${invoice} /></td></tr>`}`;
}

/** @param {{origin: any, timezone: string}} props */
function Origin({ origin, timezone }) {
  const period = periodOf(origin.period, timezone);
  if (origin.invoice === null) return html`<span>of ${period}</span>`;
  return html`<span>of <${Link} to=${{ invoice: origin.invoice, line: null, status: null }}>${origin.number ?? origin.invoice}<//>, ${period}</span>`;
}

/** One tier without a fee is no more than a unit price. @param {{line: any, currency: string, onUnfold: () => void}} props */
function UnitPrice({ line, currency, onUnfold }) {
  const [tier, ...others] = line.tiers;
  const price = line.unit_price ?? (tier && others.length === 0 && isZero(tier.flat_fee) ? tier.unit_price : null);
  if (price !== null) return html`<${Money} amount=${price} currency=${currency} />`;
  if (line.tiers.length > 0) return html`<button type="button" class="plain invoice-tiers" onClick=${onUnfold}>${line.tiers.length} ${line.tiers.length === 1 ? "tier" : "tiers"}</button>`;
  // A package has no price of one unit.
  return line.unit !== null && html`<button type="button" class="plain invoice-tiers formula" onClick=${onUnfold}>Formula<span class="hidden"> of ${line.name}</span></button>`;
}
