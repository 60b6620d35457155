/** The details of one organization, as they stand on its invoices, and links to its console. */
import { useState } from "preact/hooks";
import { at, get } from "./api.js";
import { ActionButton, ActionDialog, sentValue } from "./form.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { useLoad } from "./load.js";
import { changesOf, detailFields } from "./operator_organization.js";
import { Facts, Instant, ShownOnce } from "./operator_parts.js";
import { Card, Loaded, Table } from "./ui.js";
import { mayAct } from "./roles.js";

/** @param {import("./roles.js").ViewProps} props */
export default function OrganizationView({ session, organization }) {
  const loaded = useLoad((signal) => get(at`organizations/${organization.id}`, {}, signal), [organization.id]);
  return html`<${Loaded} loaded=${{ ...loaded, value: loaded.value ?? organization }} what="The organization">
    ${(/** @type {any} */ shown) => html`<div class="stack">
      <${Card} title="Details" aside=${mayAct(session) && html`<${Edit} organization=${shown} />`}>
        <${Facts} facts=${factsOf(shown)} />
      <//>
      <${Card} title="Taxes">${taxes(shown.tax_rates)}<//>
      ${mayAct(session) && html`<${PortalLink} organization=${shown} />`}
    </div>`}
  <//>`;
}

/** @param {any} organization @returns {[string, any][]} */
const factsOf = (organization) => [
  ["Name", organization.name],
  ["Id", html`<code>${organization.id}</code>`],
  ["Currency", organization.currency],
  ["Time zone", organization.timezone],
  ["E-mail", orDash(organization.email)],
  ["Legal name", orDash(organization.legal_name)],
  ["Address", organization.address ? html`<span class="lines">${organization.address}</span>` : orDash(null)],
  ["Tax ID", orDash(organization.tax_id)],
  ["Purchase order", orDash(organization.purchase_order)],
  ["Note on invoices", organization.invoice_note ? html`<span class="lines">${organization.invoice_note}</span>` : orDash(null)],
  ["Created", html`<${Instant} at=${organization.created_at} timezone=${organization.timezone} />`],
];

/** @param {string | null} text */
const orDash = (text) => text ?? html`<span class="quiet">not given</span>`;

/** @param {{name: string, percent: string}[]} rates */
const taxes = (rates) =>
  rates.length === 0
    ? html`<p class="quiet">No taxes are added to invoices.</p>`
    : html`<${Table} label="Table: taxes" class="listed" head=${["Tax", { text: "Rate", numeric: true }]}>${rates.map(
        (rate) => html`<tr key=${rate.name}><td class="name wide" dir="auto">${rate.name}</td><td class="numeric"><data value=${rate.percent}>${rate.percent} %</data></td></tr>`,
      )}<//>`;

/** @param {{organization: any}} props */
function Edit({ organization }) {
  const fields = [{ pointer: "/name", label: "Name", value: organization.name, required: true }, ...detailFields(organization)];
  const effect = (/** @type {any} */ values, /** @type {any} */ start) => {
    const changed = Object.keys(changesOf(start, values)).map((name) => name.replaceAll("_", " "));
    return changed.length ? `Changes the ${changed.join(", ")} at once. Invoices that are finalized stay as they are.` : "Nothing is changed yet.";
  };
  return html`<${ActionButton} label=${html`<${Icon} name="pencil" />Edit`} dialog=${(/** @type {() => void} */ close) => html`<${ActionDialog}
    title="Edit the organization" action="Save" method="PATCH" path=${at`organizations/${organization.id}`} fields=${fields} effect=${effect}
    body=${(/** @type {any} */ values, /** @type {any} */ start) => changesOf(start, values)} onClose=${close} />`} />`;
}

const LASTS = [
  { value: "900", label: "15 minutes" },
  { value: "3600", label: "1 hour" },
  { value: "28800", label: "8 hours" },
  { value: "86400", label: "24 hours" },
];

/** @param {{organization: any}} props */
function PortalLink({ organization }) {
  const [made, setMade] = useState(/** @type {any} */ (null));
  /** @type {import("./form.js").Field[]} */
  const fields = [
    { pointer: "/expires_in", label: "Lasts", kind: "select", value: "3600", options: LASTS },
    { pointer: "/name", label: "For whom", placeholder: "Ada Lovelace", help: "Shown in the profile menu." },
  ];
  const body = (/** @type {any} */ values) => ({
    expires_in: sentValue({ pointer: "", label: "", kind: "whole" }, values["/expires_in"]),
    ...(values["/name"] && { name: values["/name"] }),
  });
  return html`<${Card} title="Portal link">
    <p class="quiet">A link that opens this organization's billing, read-only and of no other, for somebody without an account here.</p>
    <p class="actions"><${ActionButton} label=${html`<${Icon} name="link" />Create portal link`} dialog=${(/** @type {() => void} */ close) => html`<${ActionDialog}
      title="Create a portal link" action="Create link" path=${at`organizations/${organization.id}/portal-links`} fields=${fields} body=${body} onClose=${close} done=${setMade}
      effect=${html`Whoever has the link sees the billing of <bdi>${organization.name}</bdi> until it ends. It cannot be taken back.`} />`} /></p>
    ${made && html`<${ShownOnce} title="Portal link" text=${made.url} label="Copy the link" onClose=${() => setMade(null)}>
      <p>It ends on <${Instant} at=${made.expires_at} timezone=${organization.timezone} /> (${organization.timezone}). It is shown only now.</p><//>`}
  <//>`;
}
