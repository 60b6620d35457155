/** The dialogs that change credit. Each says in plain words, with amounts, what it is about to do. */
import { serverNow } from "./clock.js";
import { formatMoney, isZero } from "./decimal.js";
import { ActionDialog, bodyOf } from "./form.js";
import { html } from "./html.js";
import { formatInstant } from "./time.js";

/** @typedef {import("./credit_parts.js").Credits} Credits */
/** @typedef {import("./form.js").Values} Values */

const DECIMAL = /^-?\d+(\.\d+)?$/;
const LONGEST_S = 31 * 86_400;

/** @param {string} text @param {string} currency */
const told = (text, currency) => (DECIMAL.test(text) ? formatMoney(text, currency) : "the amount");

/** The API wants whole numbers as numbers; what is none is sent as it is, and refused by name. @param {string} text */
const whole = (text) => (/^\d{1,15}$/.test(text) ? Number(text) : text);

/** @param {string} value of a field @param {Credits} of */
const instant = (value, of) => formatInstant(`${value}:00Z`, of.timezone);

const SCOPES = [
  { value: "", label: "All usage charges" },
  { value: "all", label: "All charges, also recurring ones" },
  { value: "charges", label: "Named charges only" },
];
const EVERY = [
  { value: "", label: "Once" },
  { value: "week", label: "Every week" },
  { value: "month", label: "Every month" },
  { value: "year", label: "Every year" },
];

/** @param {Credits} of @returns {import("./form.js").Field[]} */
const grantFields = (of) => [
  { pointer: "/name", label: "Name", required: true, help: "The customer reads it." },
  { pointer: "/amount", label: `Amount (${of.currency})`, kind: "number", required: true },
  { pointer: "/effective_at", label: "Available from (UTC)", kind: "datetime", help: "Empty: from now on." },
  { pointer: "/expires_at", label: "Expires (UTC)", kind: "datetime", help: "Empty: never; a recurring grant lasts until it comes again." },
  { pointer: "/priority", label: "Priority", kind: "number", value: "50", help: "Lower is drawn first." },
  { pointer: "/cost_basis", label: "Cost basis", kind: "number", value: "0", help: "What was paid for each unit of credit; 0 where it is given." },
  { pointer: "/scope", label: "Pays", kind: "select", options: SCOPES, value: "" },
  { pointer: "/applies_to", label: "Charges", required: true, shownIf: (values) => values["/scope"] === "charges", help: `Keys, separated by commas.${of.charges?.length ? ` The plan has ${of.charges.map((charge) => charge.key).join(", ")}.` : ""}` },
  { pointer: "/recurrence/every", label: "Comes", kind: "select", options: EVERY, value: "" },
  { pointer: "/recurrence/count", label: "How often in all", kind: "number", shownIf: (values) => values["/recurrence/every"] !== "", help: "Empty: without an end." },
];

/** @param {Credits} of @param {Values} values */
function grantBody(of, values) {
  const { scope, applies_to: keys, ...body } = bodyOf(grantFields(of), values);
  if (scope === "all") body.applies_to = "all";
  if (scope === "charges") body.applies_to = { charges: keys.split(",").map((/** @type {string} */ key) => key.trim()).filter(Boolean) };
  if (body.priority !== undefined) body.priority = whole(body.priority);
  if (body.recurrence?.count !== undefined) body.recurrence.count = whole(body.recurrence.count);
  return body;
}

/** @param {Credits} of @param {Values} values */
function grantEffect(of, values) {
  const from = values["/effective_at"] ? `from ${instant(values["/effective_at"], of)}` : "from now on";
  const to = values["/expires_at"] ? ` until ${instant(values["/expires_at"], of)}` : values["/recurrence/every"] ? "" : ", without an end";
  const again = values["/recurrence/every"] ? `, and again every ${values["/recurrence/every"]}` : "";
  return html`<p>Gives <strong dir="auto">${of.organization.name}</strong> ${told(values["/amount"], of.currency)} of credit ${from}${to}${again}. It is in the ledger at once and pays for usage in open drafts. Times are shown in ${of.timezone}.</p>`;
}

/** @param {{of: Credits, onClose: () => void}} props */
export function CreateGrant({ of, onClose }) {
  return html`<${ActionDialog} title="Give credit" action="Give credit" path=${`${of.root}/grants`} fields=${grantFields(of)} body=${(/** @type {Values} */ values) => grantBody(of, values)}
    effect=${(/** @type {Values} */ values) => grantEffect(of, values)} onClose=${onClose} />`;
}

/** @param {{of: Credits, grant: any, onClose: () => void}} props */
export function VoidGrant({ of, grant, onClose }) {
  const effect = html`<p>Takes back what remains of <strong dir="auto">${grant.name}</strong>: ${formatMoney(grant.remaining, of.currency)}.
    ${!isZero(grant.pending) && ` What drafts draw of it, ${formatMoney(grant.pending, of.currency)}, stays theirs.`}
    ${!isZero(grant.held) && ` What is held, ${formatMoney(grant.held, of.currency)}, is voided when it comes back.`}
    ${grant.recurrence && " It does not come again."} This cannot be undone.</p>`;
  return html`<${ActionDialog} title="Void a grant" action="Void the grant" isGrave=${true} path=${`${of.root}/grants/${encodeURIComponent(grant.id)}/void`}
    fields=${[{ pointer: "/reason", label: "Reason", kind: "area", required: true, help: "It stands in the ledger; the customer reads it." }]} effect=${effect} onClose=${onClose} />`;
}

/** @param {{of: Credits, grant: any, onClose: () => void}} props */
export function ChangeExpiry({ of, grant, onClose }) {
  const fields = [{ pointer: "/expires_at", label: "Expires (UTC)", kind: "datetime", value: grant.expires_at?.slice(0, 16) ?? "", help: "Empty: never." }];
  const before = grant.expires_at ? formatInstant(grant.expires_at, of.timezone) : "never";
  const effect = (/** @type {Values} */ values) => html`<p>Lets <strong dir="auto">${grant.name}</strong> expire ${values["/expires_at"] ? `on ${instant(values["/expires_at"], of)}` : "never"} instead of${" "}
    ${grant.expires_at ? `on ${before}` : before} (${of.timezone}). ${formatMoney(grant.remaining, of.currency)} remains of it now.</p>`;
  return html`<${ActionDialog} title="Change the expiry" action="Change the expiry" path=${`${of.root}/grants/${encodeURIComponent(grant.id)}/expiry`} fields=${fields}
    body=${(/** @type {Values} */ values) => ({ expires_at: values["/expires_at"] ? `${values["/expires_at"]}:00Z` : null })} effect=${effect} onClose=${onClose} />`;
}

/** @param {{of: Credits, onClose: () => void}} props */
export function CreateHold({ of, onClose }) {
  const fields = [
    { pointer: "/amount", label: `Amount (${of.currency})`, kind: "number", required: true },
    { pointer: "/expires_in", label: "Lasts (seconds)", kind: "number", value: "3600", required: true, help: `At most ${LONGEST_S}, which is 31 days.` },
    { pointer: "/reference", label: "Reference", required: true, help: "Your own name for the work." },
  ];
  const effect = (/** @type {Values} */ values) => {
    const lasts = whole(values["/expires_in"]);
    const end = typeof lasts === "number" && lasts <= LONGEST_S ? ` until ${formatInstant(new Date(serverNow().getTime() + lasts * 1000), of.timezone)} (${of.timezone}), or` : "";
    return html`<p>Puts ${told(values["/amount"], of.currency)} of the credit that remains aside${end} until it is released. All of it or nothing: nothing else can use it meanwhile.</p>`;
  };
  return html`<${ActionDialog} title="Put credit aside" action="Put aside" path=${`${of.root}/holds`} fields=${fields} effect=${effect} onClose=${onClose}
    body=${(/** @type {Values} */ values) => ({ amount: values["/amount"], expires_in: whole(values["/expires_in"]), reference: values["/reference"] })} />`;
}

/** @param {{of: Credits, hold: any, onClose: () => void}} props */
export function ReleaseHold({ of, hold, onClose }) {
  const effect = html`<p>Gives ${formatMoney(hold.amount, of.currency)} back that is held for <strong dir="auto">${hold.reference}</strong>. It remains for other use at once.</p>`;
  return html`<${ActionDialog} title="Release a hold" action="Release" path=${`${of.root}/holds/${encodeURIComponent(hold.id)}/release`} body=${() => undefined} effect=${effect} onClose=${onClose} />`;
}
