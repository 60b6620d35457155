/** One invoice: what it is about, its lines, totals, payments and credit notes. */
import { useEffect, useState } from "preact/hooks";
import { at, get } from "./api.js";
import { serverNow } from "./clock.js";
import { isZero } from "./decimal.js";
import { Money } from "./figures.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { InvoiceActions, ReverseButton } from "./invoice_actions.js";
import { Documents } from "./invoice_documents.js";
import { InvoiceLines } from "./invoice_lines.js";
import { Less, Live, State, lastDay, periodOf, stateOf } from "./invoice_words.js";
import { useLoad } from "./load.js";
import { Link } from "./place.js";
import { formatAway, formatDate, formatInstant } from "./time.js";
import { Empty, Loaded, Table } from "./ui.js";
import { mayAct } from "./roles.js";

/**
 * @param {{id: string, listed: any, line?: string, session: import("./roles.js").Session, organization: any, onSeen: (invoice: any) => void, onLeave: () => void}} props
 * `listed` is the invoice as the history has it, shown until it is read by itself
 */
export function InvoiceDetails({ id, listed, line, session, organization, onSeen, onLeave }) {
  const loaded = useLoad((signal) => get(at`invoices/${id}`, {}, signal), [id]);
  const isElsewhere = loaded.value && loaded.value.organization !== organization.id;
  useEffect(() => {
    if (loaded.value && !isElsewhere) onSeen(loaded.value);
  }, [loaded.value]);
  if (isElsewhere || loaded.problem?.status === 404) return html`<section class="card invoice"><${Missing} onLeave=${onLeave} /></section>`;
  const value = loaded.value ?? (loaded.problem ? undefined : listed);
  return html`<section class="card invoice" aria-label="Selected invoice">
    <${Loaded} loaded=${{ ...loaded, value }} what="The invoice" lines=${10}>
      ${(/** @type {any} */ invoice) => html`<${Invoice} invoice=${invoice} line=${line} organization=${organization} canAct=${mayAct(session)} />`}
    <//>
  </section>`;
}

/** @param {{onLeave: () => void}} props */
function Missing({ onLeave }) {
  return html`<${Empty} title="There is no such invoice here" action=${html`<${Link} class="button" onFollow=${onLeave} to=${{ invoice: null, line: null, status: null }}>Show the newest invoice<//>`}>
    It may have been a draft that is gone, or belong to another organization.<//>`;
}

/** @param {{invoice: any, line?: string, organization: any, canAct: boolean}} props */
function Invoice({ invoice, line, organization, canAct }) {
  const { timezone } = organization;
  const isDue = invoice.status === "finalized" && !isZero(invoice.amount_due);
  return html`
    <header class="invoice-head">
      <div><h2 dir="auto">${invoice.number ?? periodOf(invoice.period, timezone)}</h2><${State} invoice=${invoice} /></div>
      <${Documents} invoice=${invoice} />
      ${canAct && html`<${InvoiceActions} invoice=${invoice} />`}
    </header>
    <${Notices} invoice=${invoice} />
    <div class="invoice-summary">
      <p class="invoice-amount"><span>${isDue ? "Amount due" : invoice.status === "draft" ? "Total so far" : "Total"}</span>
        <${Amount} amount=${isDue ? invoice.amount_due : invoice.total} currency=${invoice.currency} /></p>
      <${Facts} invoice=${invoice} timezone=${timezone} />
    </div>
    <div class="invoice-parties"><${Party} title="From" party=${invoice.seller} /><${Party} title="Bill to" party=${invoice.buyer} /></div>
    <${InvoiceLines} invoice=${invoice} line=${line} timezone=${timezone} />
    <${Totals} invoice=${invoice} />
    <${Payments} invoice=${invoice} timezone=${timezone} canAct=${canAct} />
    <${CreditNotes} invoice=${invoice} timezone=${timezone} />
    ${invoice.ledger_head && html`<details class="invoice-proof"><summary>Ledger head</summary>
      <p class="quiet">Where the credit ledger stood when this invoice was finalized. The ledger's own verification finds the same entry.</p>
      <dl class="invoice-facts"><div><dt>Entry</dt><dd>${invoice.ledger_head.seq}</dd></div><div><dt>Hash</dt><dd><code>${invoice.ledger_head.hash}</code></dd></div></dl></details>`}`;
}

/** @param {{amount: string, currency: string, isLess?: boolean}} props */
const Amount = ({ amount, currency, isLess = false }) => html`<${Live} of=${amount}><${isLess ? Less : Money} amount=${amount} currency=${currency} /><//>`;

/** @param {{invoice: any}} props */
function Notices({ invoice }) {
  if (invoice.status === "void") {
    return html`<p class="notice bad"><${Icon} name="cross" /><span>This invoice is void and must not be paid. Reason: <bdi>${invoice.void_reason}</bdi></span></p>`;
  }
  if (invoice.status !== "draft") return null;
  return html`<p class="notice"><${Icon} name="refresh" /><span>This draft updates as usage arrives.</span></p>
    ${invoice.blocked.length > 0 && html`<div class="notice warn"><${Icon} name="warning" /><div><strong>It cannot become final yet:</strong>
      <ul>${invoice.blocked.map((/** @type {any} */ { reason }) => html`<li key=${reason} dir="auto">${reason}</li>`)}</ul></div></div>`}`;
}

/** @param {{invoice: any, timezone: string}} props */
function Facts({ invoice, timezone }) {
  const away = (/** @type {string} */ instant) => html`<small class="quiet">${formatAway(instant, serverNow())}</small>`;
  const isOpen = ["unpaid", "partly_paid", "overdue"].includes(stateOf(invoice));
  const facts = [
    ["Billing period", periodOf(invoice.period, timezone)],
    ["Issued", invoice.issued_at && formatDate(invoice.issued_at, timezone)],
    ["Due", invoice.due_at && html`${lastDay(invoice.due_at, timezone)}${isOpen && away(invoice.due_at)}`],
    ["Becomes final", invoice.status === "draft" && invoice.finalizes_at && html`${formatInstant(invoice.finalizes_at, timezone)}${away(invoice.finalizes_at)}`],
    ["Late usage until", invoice.late_usage_until && html`${lastDay(invoice.late_usage_until, timezone)}${away(invoice.late_usage_until)}`],
    ["Plan", invoice.plan && html`<span dir="auto">${invoice.plan.key}</span>, <span class="invoice-version">version ${invoice.plan.version}</span>`],
    ["Time zone", timezone],
  ];
  return html`<dl class="invoice-facts">${facts.filter(([, value]) => value).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** @param {{title: string, party: Record<string, string | null>}} props */
function Party({ title, party }) {
  const { name, legal_name: legal, address, email, tax_id: tax, purchase_order: order, invoice_note: note } = party;
  const lines = [legal && name !== legal ? name : null, address, email, tax && `Tax ID: ${tax}`, order && `Purchase order: ${order}`, note];
  return html`<div class="invoice-party"><h3>${title}</h3>
    ${legal || name ? html`<p dir="auto"><strong>${legal ?? name}</strong></p>` : html`<p class="quiet">No name is set.</p>`}
    ${lines.filter(Boolean).map((text, index) => html`<p key=${index} dir="auto">${text}</p>`)}</div>`;
}

/** @param {{invoice: any}} props */
function Totals({ invoice }) {
  const { currency, taxes } = invoice;
  /** @type {[string, string, {isLess?: boolean, name?: string}][]} */
  const rows = [
    ["Subtotal", invoice.subtotal, {}],
    ["Discount", invoice.discount, { isLess: true, name: "optional" }],
    ["Credits applied", invoice.credits_applied, { isLess: true, name: "optional" }],
    ...taxes.map((/** @type {any} */ tax) => [`${tax.name} ${tax.percent} %`, tax.amount, {}]),
    ...(taxes.length > 1 ? [/** @type {any} */ (["Tax", invoice.tax, {}])] : []),
    ["Total", invoice.total, { name: "strong" }],
    ["Paid", invoice.amount_paid, { isLess: true, name: "optional" }],
    ["Credited", invoice.amount_credited, { isLess: true, name: "optional" }],
    ["Refunded", invoice.amount_refunded, { name: "optional" }],
    ["Amount due", invoice.amount_due, { name: "strong" }],
  ];
  return html`<dl class="invoice-totals" aria-label="Totals">${rows
    .filter(([, amount, { name }]) => name !== "optional" || !isZero(amount))
    .map(([title, amount, { isLess, name }]) => html`<div key=${title} class=${name === "strong" ? "invoice-strong" : ""}>
      <dt dir="auto">${title}</dt><dd><${Amount} amount=${amount} currency=${currency} isLess=${isLess} /></dd></div>`)}</dl>`;
}

/** @param {{invoice: any, timezone: string, canAct: boolean}} props */
function Payments({ invoice, timezone, canAct }) {
  if (invoice.payments.length === 0) return null;
  return html`<section class="invoice-part"><h3>Payments</h3>
    <${Table} label="Payments" head=${["Paid", "Reference", { text: "Amount", numeric: true }, ...(canAct ? [html`<span class="hidden">Actions</span>`] : [])]}>
      ${invoice.payments.map((/** @type {any} */ each) => html`<tr key=${each.id} class=${each.reversed ? "invoice-reversed" : ""}>
        <td>${formatDate(each.paid_at, timezone)}</td>
        <td dir="auto">${each.reference}${each.reversed && html` <span class="badge"><${Icon} name="cross" /><span>Reversed</span></span>`}</td>
        <td class="numeric"><${Money} amount=${each.amount} currency=${invoice.currency} /></td>
        ${canAct && html`<td class="numeric">${!each.reversed && html`<${ReverseButton} invoice=${invoice} payment=${each} />`}</td>`}</tr>`)}
    <//></section>`;
}

/** @param {{invoice: any, timezone: string}} props */
function CreditNotes({ invoice, timezone }) {
  if (invoice.credit_notes.length === 0) return null;
  return html`<section class="invoice-part"><h3>Credit notes</h3>
    ${invoice.credit_notes.map((/** @type {any} */ each) => html`<${CreditNote} key=${each.id} note=${each} invoice=${invoice} timezone=${timezone} />`)}</section>`;
}

/** @param {{note: any, invoice: any, timezone: string}} props */
function CreditNote({ note, invoice, timezone }) {
  const [isOpen, setOpen] = useState(false);
  const { currency } = invoice;
  return html`<details class="invoice-credit-note" onToggle=${(/** @type {any} */ event) => setOpen(event.currentTarget.open)}>
    <summary><span dir="auto">${note.number}</span> · ${formatDate(note.issued_at, timezone)} · ${note.to === "refund" ? "refund" : "credit"} ·
      net <${Money} amount=${note.net} currency=${currency} />, tax <${Money} amount=${note.tax} currency=${currency} /></summary>
    ${isOpen && html`<${NoteContent} id=${note.id} invoice=${invoice} />`}</details>`;
}

/** @param {{id: string, invoice: any}} props */
function NoteContent({ id, invoice }) {
  const loaded = useLoad((signal) => get(at`credit-notes/${id}`, {}, signal), [id], { live: false });
  const nameOf = (/** @type {string} */ line) => invoice.lines.find((/** @type {any} */ each) => each.id === line)?.name ?? line;
  return html`<${Loaded} loaded=${loaded} what="The credit note" lines=${3}>
    ${(/** @type {any} */ note) => html`<p><span class="quiet">Reason:</span> <span dir="auto">${note.reason}</span></p>
      <dl class="invoice-totals invoice-wide">
        ${note.lines.map((/** @type {any} */ each) => html`<div key=${each.line}><dt dir="auto">${nameOf(each.line)}</dt><dd><${Money} amount=${each.amount} currency=${note.currency} /></dd></div>`)}
        ${[["Less is due", note.amount_credited], ["Refunded", note.refund], ["Given as credit", note.granted]].map(
          ([title, amount]) => !isZero(amount) && html`<div key=${title}><dt class="quiet">${title}</dt><dd><${Money} amount=${amount} currency=${note.currency} /></dd></div>`,
        )}</dl>`}
  <//>`;
}
