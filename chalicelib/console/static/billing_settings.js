/** The settings of the deployment: who sells, how late events may come, what happens to unknown organizations. */
import { get } from "./api.js";
import { ActionButton, ActionDialog, sentValue } from "./form.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { useLoad } from "./load.js";
import { Facts } from "./operator_parts.js";
import { Card, Loaded } from "./ui.js";
import { mayAct } from "./roles.js";

/** @param {import("./roles.js").ViewProps} props */
export default function SettingsView({ session }) {
  const loaded = useLoad((signal) => get("settings", {}, signal), []);
  return html`<${Loaded} loaded=${loaded} what="The settings" lines=${6}>${(/** @type {any} */ settings) => html`
    <${Card} title="Seller and events" aside=${mayAct(session) && html`<${Edit} settings=${settings} />`}><${Facts} facts=${factsOf(settings)} /><//>`}<//>`;
}

/** @param {any} settings @returns {[string, any][]} */
const factsOf = ({ seller, late_limit_days: days, create_unknown_organizations: creates }) => [
  ["Seller on invoices", seller.legal_name ?? missing()],
  ["Address", seller.address ? html`<span class="lines">${seller.address}</span>` : missing()],
  ["Tax ID", seller.tax_id ?? missing()],
  ["Logo", seller.logo ? html`<img class="logo" src=${seller.logo} alt="Logo" />` : missing()],
  ["Events may be late by", html`<data value=${days}>${days}</data> ${days === 1 ? "day" : "days"}`],
  ["Events of unknown organizations", creates ? "create the organization" : "are refused"],
];

const missing = () => html`<span class="quiet">not given</span>`;

/** @param {{settings: any}} props */
function Edit({ settings }) {
  const { seller } = settings;
  /** @type {import("./form.js").Field[]} */
  const fields = [
    { pointer: "/seller/legal_name", label: "Legal name", value: seller.legal_name ?? "" },
    { pointer: "/seller/address", label: "Address", kind: "area", value: seller.address ?? "" },
    { pointer: "/seller/tax_id", label: "Tax ID", value: seller.tax_id ?? "" },
    { pointer: "/seller/logo", label: "Logo", kind: "area", value: seller.logo ?? "", help: "A small PNG or JPEG as a data URI: data:image/png;base64,…" },
    { pointer: "/late_limit_days", label: "Days that events may be late", kind: "whole", required: true, value: String(settings.late_limit_days) },
    { pointer: "/create_unknown_organizations", label: "Create organizations that events name and nobody made", kind: "check", value: settings.create_unknown_organizations },
  ];
  const days = fields[4];
  const body = (/** @type {import("./form.js").Values} */ values) => ({
    seller: Object.fromEntries(["legal_name", "address", "tax_id", "logo"].map((name) => [name, values[`/seller/${name}`] || null])),
    late_limit_days: sentValue(days, values[days.pointer]),
    create_unknown_organizations: values["/create_unknown_organizations"],
  });
  return html`<${ActionButton} label=${html`<${Icon} name="pencil" />Edit`} dialog=${(/** @type {() => void} */ close) => html`<${ActionDialog} title="Edit the billing settings" action="Save" method="PUT"
    path="settings" fields=${fields} body=${body} onClose=${close} effect="Replaces all settings, for all organizations, at once. Invoices that are finalized stay as they are." />`} />`;
}
