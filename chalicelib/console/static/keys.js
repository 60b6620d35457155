/** The API keys that hold; a new one's secret is shown once. */
import { useState } from "preact/hooks";
import { at } from "./api.js";
import { ActionButton, ActionDialog } from "./form.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { Instant, Pages, ShownOnce, usePages } from "./operator_parts.js";
import { OF_ORGANIZATION } from "./organization_switch.js";
import { Link } from "./place.js";
import { Badge, Card, Empty } from "./ui.js";

const ROLES = [
  { value: "read", label: "read: sees everything, changes nothing" },
  { value: "ingest", label: "ingest: sends events" },
  { value: "admin", label: "admin: everything" },
];

export default function KeysView() {
  const pages = usePages("api-keys", {});
  return html`<${Card} title="API keys" aside=${html`<${Create} />`}>
      <${Pages} pages=${pages} what="The keys" label="API keys" empty=${html`<${Empty} title="There is no key">Create one for a service or a person.<//>`}
        head=${["Name", "Role", "Organization", "Created (UTC)", "Id", html`<span class="hidden">Actions</span>`]} row=${row} />
      <p class="quiet key-note">Secrets are kept nowhere. A key that is revoked leaves this list.</p>
    <//>`;
}

/** @param {any} key */
const row = (key) => html`<tr key=${key.id}><td class="name" dir="auto">${key.name}</td>
  <td><${Badge} tone=${key.role === "admin" ? "warn" : "neutral"} icon=${key.role === "admin" ? "shield" : "dot"}>${key.role}<//></td>
  <td class="text">${key.organization ? html`<${Link} to=${{ ...OF_ORGANIZATION, org: key.organization, view: "usage" }}>${key.organization}<//>` : html`<span class="quiet">all</span>`}</td>
  <td><${Instant} at=${key.created_at} /></td><td><code>${key.id}</code></td>
  <td class="numeric"><${ActionButton} label="Revoke" class="small" title=${`Revoke ${key.name}`} dialog=${(/** @type {() => void} */ close) => html`<${ActionDialog} title="Revoke the key" action="Revoke" isGrave method="DELETE"
    path=${at`api-keys/${key.id}`} onClose=${close} effect=${html`Ends the key <bdi>${key.name}</bdi> (${key.role}) within 10 seconds everywhere. Whoever uses it is refused from then on. It cannot be undone.`} />`} /></td></tr>`;

function Create() {
  const [made, setMade] = useState(/** @type {any} */ (null));
  /** @type {import("./form.js").Field[]} */
  const fields = [
    { pointer: "/name", label: "Name", required: true, placeholder: "billing worker", help: "Who or what uses it." },
    { pointer: "/role", label: "Role", kind: "select", value: "read", options: ROLES },
    { pointer: "/organization", label: "Organization", placeholder: "acme", help: "The id of the only organization it is for. Empty: all of them." },
  ];
  const effect = (/** @type {import("./form.js").Values} */ values) =>
    html`Makes a key that ${{ read: "sees", ingest: "sends events for", admin: "changes" }[/** @type {"read"} */ (values["/role"])]} ${values["/organization"] ? html`<bdi>${values["/organization"]}</bdi> alone` : "all organizations"}. Its secret is shown once.`;
  return html`<${ActionButton} class="primary" label=${html`<${Icon} name="plus" />New key`} dialog=${(/** @type {() => void} */ close) => html`<${ActionDialog} title="New API key" action="Create key"
      path="api-keys" fields=${fields} effect=${effect} onClose=${close} done=${setMade} />`} />
    ${made && html`<${ShownOnce} title=${made.name} text=${made.secret} label="Copy the key" onClose=${() => setMade(null)}>
      <p class="notice warn"><${Icon} name="warning" /><span>Copy the key now: it is shown only this once and cannot be had again.</span></p><//>`}`;
}
