/** How invoices are worded: states, periods, kinds of lines, and figures that change while they are looked at. */
import { useRef } from "preact/hooks";
import { formatMoney, negated } from "./decimal.js";
import { html } from "./html.js";
import { formatDate, formatSpan } from "./time.js";
import { Badge } from "./ui.js";

/** @type {Record<string, [string, import("./ui.js").Tone, string]>} */
const STATES = {
  draft: ["Draft", "live", "pencil"],
  unpaid: ["Unpaid", "neutral", "clock"],
  partly_paid: ["Partly paid", "warn", "clock"],
  overdue: ["Overdue", "bad", "warning"],
  paid: ["Paid", "good", "check"],
  uncollectible: ["Uncollectible", "bad", "cross"],
  void: ["Void", "neutral", "cross"],
};

/** What an invoice can be filtered by: each state, with the parameter of the API that asks for it. */
export const FILTERS = Object.entries(STATES).map(([value, [label]]) => ({ value, label }));

/** The state that an address names, if there is such a one. @param {string | undefined} named */
export const knownState = (named) => (named !== undefined && Object.hasOwn(STATES, named) ? named : undefined);

/** @param {string | undefined} state */
export function filterParams(state) {
  if (state === undefined) return {};
  return state === "draft" || state === "void" ? { status: state } : { payment_status: state };
}

/** @param {any} invoice */
export const stateOf = (invoice) => (invoice.status === "finalized" ? invoice.payment_status : invoice.status);

/** @param {{invoice: any}} props */
export function State({ invoice }) {
  const [label, tone, icon] = STATES[stateOf(invoice)] ?? [stateOf(invoice), "neutral", "dot"];
  return html`<${Badge} tone=${tone} icon=${icon}>${label}<//>`;
}

/** The number, or that it is a draft. @param {any} invoice */
export const titleOf = (invoice) => invoice.number ?? "Draft";

/** The days of a period; one day where it has no length. @param {{start: string, end: string}} period @param {string} timezone */
export const periodOf = (period, timezone) => (period.start === period.end ? formatDate(period.start, timezone) : formatSpan(period, timezone));

/** The last local day before an instant that ends it. @param {string} end @param {string} timezone */
export const lastDay = (end, timezone) => formatDate(new Date(Date.parse(end) - 1), timezone);

/** What is left after a discount, where a line says it for itself. @param {any} line */
export const hasNet = (line) => line.net !== line.amount && line.kind !== "discount" && line.kind !== "cap";

/** The dimension values of a line in words: "model: llama-70b". @param {Record<string, string> | null} group */
export const groupText = (group) => Object.entries(group ?? {}).map(([name, value]) => `${name}: ${value}`).join(", ");

/** An amount that is taken off: the API's text is its value, what is read has the other sign. @param {{amount: string, currency: string}} props */
export const Less = ({ amount, currency }) => html`<data class="money" value=${amount}>${formatMoney(negated(amount), currency)}</data>`;

/** A figure that is marked for a moment when it has changed. @param {{of: string | null, children?: any}} props */
export function Live({ of: value, children }) {
  const first = useRef(value);
  return html`<span key=${value} class=${value === first.current ? "" : "invoice-changed"}>${children}</span>`;
}
