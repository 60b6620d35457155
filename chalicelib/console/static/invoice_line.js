/** How a line came about: formula, tiers, dimension values, days, credits, and where its events are. */
import { at, get } from "./api.js";
import { compare, heightOf } from "./decimal.js";
import { Money, Quantity } from "./figures.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { groupText } from "./invoice_words.js";
import { useLoad } from "./load.js";
import { Link } from "./place.js";
import { formatDay } from "./time.js";
import { Loaded, Table } from "./ui.js";

/** @param {{line: any, invoice: any}} props */
export function LineExplanation({ line, invoice }) {
  const loaded = useLoad((signal) => get(at`invoices/${invoice.id}/lines/${line.id}`, {}, signal), [invoice.id, line.id], { live: invoice.status === "draft" });
  const nameOf = (/** @type {string} */ grant) => line.credits.find((/** @type {any} */ each) => each.grant === grant)?.name ?? grant;
  return html`<div class="invoice-explanation"><${Loaded} loaded=${loaded} what="The explanation" lines=${4}>
    ${(/** @type {any} */ told) => html`
      <p class="invoice-formula"><span class="quiet">Formula</span> <code>${told.formula}</code></p>
      ${told.tiers.length > 0 && html`<${Tiers} tiers=${told.tiers} unit=${line.unit} currency=${invoice.currency} />`}
      <div class="invoice-explanation-parts">
        ${Object.keys(told.by_day).length > 0 && html`<${Days} title="Quantity per day" of="Quantity" days=${told.by_day} show=${(/** @type {string} */ text) => html`<${Quantity} quantity=${text} short />`} />`}
        ${told.by_dimension.length > 0 && html`<${Dimensions} shares=${told.by_dimension} unit=${line.unit} />`}
        ${told.credits.map((/** @type {any} */ each) => Object.keys(each.by_day).length > 0 && html`<${Days} key=${each.grant} title=${`Paid by ${nameOf(each.grant)}, per day`} of="Credit" days=${each.by_day}
          show=${(/** @type {string} */ text) => html`<${Money} amount=${text} currency=${invoice.currency} />`} />`)}
      </div>
      ${told.events_url !== null && html`<p><${Link} class="button" to=${{ view: "events", invoice: invoice.id, line: line.id }}><${Icon} name="search" />Events of this line<//></p>`}`}
  <//></div>`;
}

/** @param {{tiers: any[], unit: string | null, currency: string}} props */
function Tiers({ tiers, unit, currency }) {
  const numeric = (/** @type {string} */ text) => ({ text, numeric: true });
  return html`<section><h4>Tiers</h4><${Table} label="Tiers" class="invoice-small" head=${["From", "To", numeric(unit ? `Quantity (${unit})` : "Quantity"), numeric("Unit price"), numeric("Flat fee"), numeric("Amount")]}>
    ${tiers.map((tier) => html`<tr key=${tier.from}>
      <td><${Quantity} quantity=${tier.from} /></td><td>${tier.to === null ? "and above" : html`<${Quantity} quantity=${tier.to} />`}</td>
      <td class="numeric"><${Quantity} quantity=${tier.quantity} short /></td>
      ${["unit_price", "flat_fee", "amount"].map((name) => html`<td key=${name} class="numeric"><${Money} amount=${tier[name]} currency=${currency} /></td>`)}</tr>`)}
  <//></section>`;
}

/** @param {{title: string, of: string, days: Record<string, string>, show: (text: string) => any}} props */
function Days({ title, of, days, show }) {
  const most = Object.values(days).reduce((left, right) => (compare(left, right) < 0 ? right : left), "0");
  const width = (/** @type {string} */ text) => `${Math.max(0, (heightOf(text) / (heightOf(most) || 1)) * 100)}%`;
  return html`<section><h4 dir="auto">${title}</h4><${Table} label=${title} class="invoice-small invoice-days" head=${["Day", { text: of, numeric: true }, html`<span class="hidden">Share of the greatest</span>`]}>
    ${Object.entries(days).map(([day, text]) => html`<tr key=${day}><td>${formatDay(day)}</td><td class="numeric">${show(text)}</td>
      <td class="invoice-day-bar"><span aria-hidden="true" style=${{ width: width(text) }}></span></td></tr>`)}
  <//></section>`;
}

/** @param {{shares: any[], unit: string | null}} props */
function Dimensions({ shares, unit }) {
  return html`<section><h4>By dimension</h4><${Table} label="Quantity by dimension" class="invoice-small" head=${["Values", { text: "Quantity", numeric: true }]}>
    ${shares.map((each) => html`<tr key=${groupText(each.dimensions)}><td dir="auto">${each.rest ? "All others" : groupText(each.dimensions)}</td>
      <td class="numeric"><${Quantity} quantity=${each.quantity} unit=${unit} short /></td></tr>`)}
  <//></section>`;
}
