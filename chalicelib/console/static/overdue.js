/** Invoices that are not paid, over all organizations. */
import { serverNow } from "./clock.js";
import { sum } from "./decimal.js";
import { Money } from "./figures.js";
import { html } from "./html.js";
import { DayField, Instant, Pages, usePages } from "./operator_parts.js";
import { OF_ORGANIZATION } from "./organization_switch.js";
import { Link, go } from "./place.js";
import { addDays, knownDay } from "./time.js";
import { Badge, Card, Choice, Empty } from "./ui.js";

const DAY_MS = 86_400_000;
const STANDINGS = [
  { value: "overdue", label: "Overdue" },
  { value: "unpaid", label: "Unpaid" },
  { value: "partly_paid", label: "Partly paid" },
  { value: "uncollectible", label: "Uncollectible" },
];

/** @param {import("./roles.js").ViewProps} props */
export default function OverdueView({ place }) {
  const chosen = STANDINGS.find((each) => each.value === place.standing) ?? STANDINGS[0];
  const [from = "", to = ""] = [place.issued_from, place.issued_to].map(knownDay);
  const pages = usePages("invoices", {
    status: "finalized",
    payment_status: chosen.value,
    from: from && `${from}T00:00:00Z`,
    to: to && `${addDays(to, 1)}T00:00:00Z`,
  });
  const word = chosen.label.toLowerCase();
  const empty = html`<${Empty} title=${`No invoice is ${word}`}>${from || to ? "At least none that was issued on these days." : "There is nothing to do here."}<//>`;
  return html`<div class="toolbar filters">
      <${Choice} label="Payment" value=${chosen.value} options=${STANDINGS} onChange=${(/** @type {string} */ value) => go({ standing: value === "overdue" ? null : value })} />
      <${DayField} label="Issued from" value=${from} onChange=${(/** @type {string} */ day) => go({ issued_from: day }, { replace: true })} />
      <${DayField} label="Issued until" value=${to} onChange=${(/** @type {string} */ day) => go({ issued_to: day }, { replace: true })} />
    </div>
    <${Card} title=${`${chosen.label} invoices`}>
      <${Pages} pages=${pages} what="The invoices" label="Invoices" empty=${empty} above=${sums} row=${row}
        head=${["Organization", "Number", "Issued (UTC)", "Due (UTC)", { text: "Days late", numeric: true }, { text: "Total", numeric: true }, { text: "Amount due", numeric: true }]} />
    <//>`;
}

/** What is due in each currency. @param {any[]} invoices @param {boolean} more */
function sums(invoices, more) {
  const currencies = [...new Set(invoices.map((invoice) => invoice.currency))].sort();
  return html`<div class="sums"><p>${more ? `Due on the ${invoices.length} invoices shown; there are more` : `Due on ${invoices.length === 1 ? "1 invoice" : `${invoices.length} invoices`}`}:</p>
    <ul>${currencies.map((currency) => {
      const due = invoices.filter((invoice) => invoice.currency === currency).map((invoice) => invoice.amount_due);
      return html`<li key=${currency}><strong><${Money} amount=${sum(due)} currency=${currency} /></strong> <span class="quiet">${currency}</span></li>`;
    })}</ul></div>`;
}

/** @param {any} invoice */
function row(invoice) {
  const to = { ...OF_ORGANIZATION, org: invoice.organization, view: "invoices", invoice: invoice.id };
  const late = Math.floor((serverNow().getTime() - Date.parse(invoice.due_at)) / DAY_MS);
  return html`<tr key=${invoice.id}>
    <td class="name"><bdi>${invoice.buyer?.name ?? invoice.organization}</bdi><br /><code>${invoice.organization}</code></td>
    <td class="number"><${Link} to=${to}>${invoice.number ?? invoice.id}<//></td>
    <td><${Instant} at=${invoice.issued_at} /></td><td><${Instant} at=${invoice.due_at} /></td>
    <td class="numeric">${late > 0 ? html`<${Badge} tone=${late > 30 ? "bad" : "warn"} icon="clock">${late}<//>` : "–"}</td>
    <td class="numeric"><${Money} amount=${invoice.total} currency=${invoice.currency} /></td>
    <td class="numeric"><strong><${Money} amount=${invoice.amount_due} currency=${invoice.currency} /></strong></td></tr>`;
}
