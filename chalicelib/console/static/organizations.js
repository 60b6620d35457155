/** All organizations, found by name, and how a new one is made. */
import { ActionButton, ActionDialog } from "./form.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { detailFields, detailsOf } from "./operator_organization.js";
import { Instant, Pages, SearchField, usePages } from "./operator_parts.js";
import { OF_ORGANIZATION } from "./organization_switch.js";
import { Link, go } from "./place.js";
import { Card, Empty } from "./ui.js";
import { mayAct } from "./roles.js";

/** @param {import("./roles.js").ViewProps} props */
export default function OrganizationsView({ session, place }) {
  const q = place.q ?? "";
  const pages = usePages("organizations", { q });
  const empty = q
    ? html`<${Empty} title="No organization is found">Names that begin with “<bdi>${q}</bdi>”, and its whole id, were searched.<//>`
    : html`<${Empty} title="There is no organization yet">${mayAct(session) ? "Create the first one; then subscribe it to a plan." : "Somebody with an admin key can create one."}<//>`;
  return html`<div class="toolbar">
      <${SearchField} label="Search by name or id" value=${q} onSearch=${(/** @type {string} */ text) => go({ q: text }, { replace: true })} />
      ${mayAct(session) && html`<div class="end"><${Create} /></div>`}
    </div>
    <${Card} title="Organizations">
      <${Pages} pages=${pages} what="The organizations" label="Organizations" head=${["Name", "Id", "Currency", "Time zone", "Created (UTC)"]} empty=${empty} row=${row} />
    <//>`;
}

/** @param {any} organization */
const row = (organization) => html`<tr key=${organization.id}>
  <td class="name"><${Link} to=${{ ...OF_ORGANIZATION, org: organization.id, view: "usage" }} dir="auto">${organization.name}<//></td>
  <td class="text"><code>${organization.id}</code></td><td>${organization.currency}</td><td>${organization.timezone}</td>
  <td><${Instant} at=${organization.created_at} /></td></tr>`;

function Create() {
  const zones = ["UTC", ...(Intl.supportedValuesOf?.("timeZone") ?? [])];
  const currencies = Intl.supportedValuesOf?.("currency") ?? [];
  /** @type {import("./form.js").Field[]} */
  const fields = [
    { pointer: "/id", label: "Id", required: true, placeholder: "acme", help: "What events name as their subject: a–z, 0–9, _ and -." },
    { pointer: "/name", label: "Name", required: true },
    { pointer: "/currency", label: "Currency", value: "USD", required: true, suggestions: currencies },
    { pointer: "/timezone", label: "Time zone", value: "UTC", required: true, suggestions: zones, help: "Its days and billing periods begin at midnight there." },
    ...detailFields(),
  ];
  const body = (/** @type {import("./form.js").Values} */ values) => ({
    id: values["/id"], name: values["/name"], currency: values["/currency"], timezone: values["/timezone"], ...detailsOf(values),
  });
  return html`<${ActionButton} class="primary" label=${html`<${Icon} name="plus" />New organization`} dialog=${(/** @type {() => void} */ close) => html`<${ActionDialog}
    title="New organization" action="Create" path="organizations" fields=${fields} body=${body} onClose=${close}
    effect="Creates the organization. Its id, currency and time zone never change."
    done=${(/** @type {any} */ made) => go({ ...OF_ORGANIZATION, org: made.id, view: "organization" })} />`} />`;
}
