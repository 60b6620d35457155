/** What an operator does with invoices. Each action asks back and says what it will do. */
import { at } from "./api.js";
import { serverNow } from "./clock.js";
import { isZero } from "./decimal.js";
import { Money } from "./figures.js";
import { ActionButton, ActionDialog, bodyOf } from "./form.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { groupText, stateOf, titleOf } from "./invoice_words.js";
import { go } from "./place.js";

const MOST_ROWS = 20;
/** @typedef {import("./form.js").Field} Field @typedef {import("./form.js").Values} Values */

/** @type {Field} */
const REASON = { pointer: "/reason", label: "Reason", kind: "area", required: true };

/** The actions that the state of an invoice allows. @param {{invoice: any}} props */
export function InvoiceActions({ invoice }) {
  const due = html`<${Money} amount=${invoice.amount_due} currency=${invoice.currency} />`;
  const offered = offeredBy(invoice).map(([label, dialog, isMain]) =>
    html`<${ActionButton} key=${label} label=${label} class=${isMain ? "primary" : ""} dialog=${(/** @type {() => void} */ close) => dialog({ invoice, due, onClose: close })} />`);
  return offered.length > 0 && html`<div class="invoice-actions" role="group" aria-label="Actions">${offered}</div>`;
}

/** @typedef {{invoice: any, due: any, onClose: () => void}} Asked */

/** @param {any} invoice @returns {[string, (asked: Asked) => any, boolean?][]} */
function offeredBy(invoice) {
  const state = stateOf(invoice);
  if (state === "draft") {
    const canClose = Date.parse(invoice.period.end) <= serverNow().getTime() && invoice.blocked.length === 0 && invoice.lines.length > 0;
    return canClose ? [["Finalize now", finalizing, true]] : [];
  }
  if (state === "void") return [];
  const isPaidOrNoted = invoice.credit_notes.length > 0 || invoice.payments.some((/** @type {any} */ each) => !each.reversed);
  return [
    ...(state === "paid" ? [] : [/** @type {any} */ (["Record payment", paying, true])]),
    ["Credit note", crediting],
    ...(state === "paid" || state === "uncollectible" ? [] : [/** @type {any} */ (["Mark uncollectible", givingUp])]),
    ...(isPaidOrNoted ? [] : [/** @type {any} */ (["Void", voiding])]),
  ];
}

/** @param {Asked} asked */
const finalizing = ({ invoice, onClose }) => html`<${ActionDialog} title="Finalize this draft now?" action="Finalize" path=${at`invoices/${invoice.id}/finalize`} onClose=${onClose}
  effect=${html`The invoice is issued over <${Money} amount=${invoice.total} currency=${invoice.currency} />, or what the draft comes to at that moment. It gets its number, its credits are drawn, and its lines never change again. Usage that arrives later goes on the next invoice.`} />`;

/** @param {Asked} asked */
const paying = ({ invoice, due, onClose }) => html`<${ActionDialog} title=${`Record a payment of ${titleOf(invoice)}`} action="Record payment" path=${at`invoices/${invoice.id}/payments`} onClose=${onClose}
  fields=${[
    { pointer: "/amount", label: `Amount in ${invoice.currency}`, kind: "number", required: true, value: invoice.amount_due },
    { pointer: "/paid_at", label: "Paid at (UTC)", kind: "datetime", value: serverNow().toISOString().slice(0, 16), help: "Empty: now." },
    { pointer: "/reference", label: "Reference", required: true, help: "Such as the number of the transfer. Each is used once on an invoice, so nothing is recorded twice." },
  ]}
  effect=${(/** @type {Values} */ values) => html`Notes that ${invoice.currency} ${values["/amount"] || "…"} of the ${due} due was received. It moves no money.`} />`;

/** @param {Asked} asked */
const givingUp = ({ invoice, due, onClose }) => html`<${ActionDialog} title=${`Mark ${titleOf(invoice)} uncollectible?`} action="Mark uncollectible" isGrave path=${at`invoices/${invoice.id}/uncollectible`} onClose=${onClose}
  fields=${[REASON]} effect=${html`Gives up on the ${due} due. The invoice stays as it is and can still be paid.`} />`;

/** @param {Asked} asked */
const voiding = ({ invoice, onClose }) => html`<${ActionDialog} title=${`Void ${titleOf(invoice)}?`} action="Void invoice" isGrave path=${at`invoices/${invoice.id}/void`} onClose=${onClose}
  fields=${[REASON, ...(invoice.plan ? [{ pointer: "/regenerate", label: "Make a new draft of its period", kind: "check", help: "Otherwise the period is given up and never billed." }] : [])]}
  effect=${(/** @type {Values} */ values) => html`The invoice over <${Money} amount=${invoice.total} currency=${invoice.currency} /> is not to be paid any more. It keeps its number.${
    isZero(invoice.credits_applied) ? "" : html` The <${Money} amount=${invoice.credits_applied} currency=${invoice.currency} /> of credits that paid for it go back to their grants.`}${
    invoice.plan ? ` Its period ${values["/regenerate"] ? "becomes a draft again" : "is not billed again"}.` : ""}`} />`;

/** Fields of several rows; the next row shows when the one before has its first field filled. @param {number} count @param {(at: string, index: number) => Field[]} fieldsOf */
function rowsOf(count, fieldsOf) {
  return Array.from({ length: count }, (_, index) => {
    const [first, ...others] = fieldsOf(`/lines/${index}`, index);
    const isFilled = (/** @type {Values} */ values, /** @type {number} */ upTo) => Array.from({ length: upTo }, (__, row) => first.pointer.replace(`/${index}/`, `/${row}/`)).every((pointer) => values[pointer]);
    return [
      { ...first, required: index === 0, shownIf: (/** @type {Values} */ values) => isFilled(values, index) },
      ...others.map((field) => ({ ...field, required: true, shownIf: (/** @type {Values} */ values) => index === 0 || isFilled(values, index + 1) })),
    ];
  }).flat();
}

/** List the rows that are sent, by pointer: up to the first one that is not filled. @param {Values} values @param {string} first its first field */
function sentRows(values, first) {
  const rows = [];
  while (values[`/lines/${rows.length}/${first}`]) rows.push(`/lines/${rows.length}`);
  return rows;
}

/** @param {Asked} asked */
function crediting({ invoice, onClose }) {
  const lines = invoice.lines.filter((/** @type {any} */ each) => !isZero(each.net) && !each.net.startsWith("-"));
  const options = [
    { value: "", label: "Choose a line" },
    ...lines.map((/** @type {any} */ each) => ({ value: each.id, label: `${[each.name, groupText(each.group)].filter(Boolean).join(", ")} – net ${each.net}` })),
  ];
  const rows = rowsOf(Math.min(lines.length, MOST_ROWS), (path, index) => [
    { pointer: `${path}/line`, label: index ? "Another line" : "Line", kind: "select", options },
    { pointer: `${path}/amount`, label: `Amount in ${invoice.currency}, before tax`, kind: "number" },
  ]);
  return html`<${ActionDialog} title=${`Credit note on ${titleOf(invoice)}`} action="Issue credit note" path=${at`invoices/${invoice.id}/credit-notes`} onClose=${onClose}
    fields=${[
      ...rows, REASON,
      { pointer: "/to", label: "What was paid already goes", kind: "select", value: "credit", options: [{ value: "credit", label: "to a credit grant" }, { value: "refund", label: "back as a refund" }] },
    ]}
    effect=${(/** @type {Values} */ values) => html`Takes back ${chosen(values, invoice)} and the tax on it. First less is due; what was paid beyond that ${values["/to"] === "refund" ? "has to be refunded by you" : "becomes credit of the organization"}. A credit note cannot be undone.`} />`;
}

/** @param {Values} values @param {any} invoice */
function chosen(values, invoice) {
  const amounts = sentRows(values, "line").filter((row) => values[`${row}/amount`]).map((row) => `${invoice.currency} ${values[`${row}/amount`]}`);
  return amounts.length ? amounts.join(" and ") : "the amounts above";
}

/** @param {{invoice: any, payment: any}} props */
export function ReverseButton({ invoice, payment }) {
  return html`<${ActionButton} label=${html`Reverse<span class="hidden"> payment ${payment.reference}</span>`} class="plain" dialog=${(/** @type {() => void} */ close) => html`<${ActionDialog} title="Reverse this payment?" action="Reverse payment" isGrave
    path=${at`invoices/${invoice.id}/payments/${payment.id}/reverse`} onClose=${close} fields=${[REASON]}
    effect=${html`The payment of <${Money} amount=${payment.amount} currency=${invoice.currency} /> with the reference <bdi>${payment.reference}</bdi> no longer counts: its amount is due again. It moves no money.`} />`} />`;
}

/** @param {{organization: any}} props */
export function OneOffButton({ organization }) {
  const fields = [
    ...rowsOf(MOST_ROWS, (path, index) => [
      { pointer: `${path}/name`, label: index ? "Another item" : "Item" },
      { pointer: `${path}/quantity`, label: "Quantity", kind: "number", value: index ? "" : "1" },
      { pointer: `${path}/unit_price`, label: `Unit price in ${organization.currency}`, kind: "number" },
    ]),
    { pointer: "/net_days", label: "Days to pay", kind: "number", value: "30", required: true },
  ];
  const body = (/** @type {Values} */ values) => {
    const days = values["/net_days"];
    return { ...bodyOf(/** @type {Field[]} */ (fields), values), net_days: /^\d{1,4}$/.test(days) ? Number(days) : days };
  };
  return html`<${ActionButton} label=${html`<${Icon} name="plus" />One-off<span class="hidden"> invoice</span>`} dialog=${(/** @type {() => void} */ close) => html`<${ActionDialog} title="One-off invoice" action="Issue invoice"
    path=${at`organizations/${organization.id}/invoices`} fields=${fields} body=${body} onClose=${close} done=${(/** @type {any} */ invoice) => go({ invoice: invoice.id, line: null, status: null })}
    effect=${(/** @type {Values} */ values) => html`Issues an invoice to <bdi>${organization.name}</bdi> at once: ${items(values, organization.currency)}. Taxes are added. It cannot be changed, only voided or credited.`} />`} />`;
}

/** @param {Values} values @param {string} currency */
function items(values, currency) {
  const named = sentRows(values, "name");
  return named.length === 0 ? "what you enter above" : named.map((row) => {
    const [quantity, price] = ["quantity", "unit_price"].map((name) => values[`${row}/${name}`] || "…");
    return html`${quantity} × <bdi>${values[`${row}/name`]}</bdi> at ${currency} ${price} `;
  });
}
