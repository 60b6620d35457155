/** All meters: what each counts, and how a new one is made. */
import { at } from "./api.js";
import { ActionButton, ActionDialog, bodyOf } from "./form.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { Facts, Instant, Pages, usePages } from "./operator_parts.js";
import { Link, go } from "./place.js";
import { Badge, Card, Dialog, Empty } from "./ui.js";
import { mayAct } from "./roles.js";

/** @typedef {import("./form.js").Values} Values */

const STATUSES = /** @type {Record<string, [import("./ui.js").Tone, string, string]>} */ ({
  active: ["good", "check", "Active"],
  counting: ["live", "clock", "Counting the past"],
  archived: ["neutral", "cross", "Archived"],
});

/** @param {import("./roles.js").ViewProps} props */
export default function MetersView({ session, place }) {
  const pages = usePages("meters", {});
  const isAdmin = mayAct(session);
  const empty = html`<${Empty} title="There is no meter yet">${isAdmin ? "Create one: it counts the events that are already stored, too." : "Somebody with an admin key can create one."}<//>`;
  const shown = pages.loaded.value?.data.find((meter) => meter.key === place.definition);
  return html`<${Card} title="Meters" aside=${isAdmin && html`<${Create} />`}>
      <${Pages} pages=${pages} what="The meters" label="Meters" head=${["Name", "Key", "Event type", "Counts", "Dimensions", "Unit", "Status"]} empty=${empty}
        row=${(/** @type {any} */ meter) => html`<${Row} key=${meter.key} meter=${meter} />`} />
    <//>
    ${shown && html`<${Details} meter=${shown} isAdmin=${isAdmin} onClose=${() => go({ definition: null })} />`}`;
}

/** @param {{meter: any}} props */
function Row({ meter }) {
  return html`<tr><td class="name"><${Link} to=${{ definition: meter.key }} dir="auto">${meter.name}<//></td>
    <td class="text"><code>${meter.key}</code></td><td class="text"><code dir="auto">${meter.event_type}</code></td><td>${countsOf(meter)}</td>
    <td>${Object.keys(meter.dimensions).join(", ")}</td><td class="text" dir="auto">${meter.unit}</td><td><${Status} meter=${meter} /></td></tr>`;
}

/** @param {{meter: any}} props */
function Status({ meter }) {
  const [tone, icon, word] = STATUSES[meter.status] ?? ["neutral", "dot", meter.status];
  return html`<${Badge} tone=${tone} icon=${icon}>${word}<//>`;
}

/** @param {any} meter */
const countsOf = (meter) => html`${meter.aggregation.replaceAll("_", " ")}${meter.value && html` of <code dir="auto">${meter.value}</code>`}`;

/** @param {any} meter @returns {[string, any][]} */
const factsOf = (meter) => [
  ["Status", html`<${Status} meter=${meter} />`],
  ["Key", html`<code>${meter.key}</code>`],
  ["Event type", html`<code dir="auto">${meter.event_type}</code>`],
  ["Counts", countsOf(meter)],
  ["Unit", meter.unit],
  ["Dimensions", pairs(meter.dimensions, (path) => path)],
  ["Only where", pairs(meter.filter, (values) => values.join(" or "))],
  ["Strict", meter.strict ? "yes: an event without a usable value is refused" : "no: an event without a usable value is stored, and not counted"],
  ["Counts from", meter.count_from.startsWith("1970-") ? "the first event" : html`<${Instant} at=${meter.count_from} /> UTC`],
  ["Created", html`<${Instant} at=${meter.created_at} /> UTC`],
  ["Archived", meter.archived_at && html`<${Instant} at=${meter.archived_at} /> UTC`],
];

/** @param {Record<string, any>} named @param {(value: any) => string} words */
const pairs = (named, words) => {
  const entries = Object.entries(named);
  return entries.length > 0 && html`<ul>${entries.map(([name, value]) => html`<li key=${name}><code>${name}</code> <span class="quiet">is</span> <bdi>${words(value)}</bdi></li>`)}</ul>`;
};

/** @param {{meter: any, isAdmin: boolean, onClose: () => void}} props */
function Details({ meter, isAdmin, onClose }) {
  return html`<${Dialog} title=${meter.name} onClose=${onClose}><div class="stack"><${Facts} facts=${factsOf(meter)} />
    ${isAdmin && html`<div class="actions"><${Rename} meter=${meter} />${meter.status !== "archived" && html`<${Archive} meter=${meter} />`}</div>`}</div><//>`;
}

/** @param {{meter: any}} props */
function Rename({ meter }) {
  const fields = [
    { pointer: "/name", label: "Name", required: true, value: meter.name },
    { pointer: "/unit", label: "Unit", value: meter.unit ?? "", help: "Empty: none." },
  ];
  const body = (/** @type {Values} */ values, /** @type {Values} */ start) => ({
    ...(values["/name"] !== start["/name"] && { name: values["/name"] }),
    ...(values["/unit"] !== start["/unit"] && { unit: values["/unit"] || null }),
  });
  return html`<${ActionButton} label=${html`<${Icon} name="pencil" />Rename`} dialog=${(/** @type {() => void} */ close) => html`<${ActionDialog} title="Rename the meter" action="Save" method="PATCH"
    path=${at`meters/${meter.key}`} fields=${fields} body=${body} onClose=${close} effect="Changes what the meter is called. What it counts never changes; finalized invoices keep the old words." />`} />`;
}

/** @param {{meter: any}} props */
function Archive({ meter }) {
  return html`<${ActionButton} label="Archive" dialog=${(/** @type {() => void} */ close) => html`<${ActionDialog} title="Archive the meter" action="Archive" isGrave
    path=${at`meters/${meter.key}/archive`} onClose=${close} effect=${html`Ends <bdi>${meter.name}</bdi>: events from now on are not counted, those before still are. It cannot be undone.`} />`} />`;
}

const AGGREGATIONS = ["count", "sum", "max", "min", "average", "unique_count", "latest", "time_weighted"];

/** @type {import("./form.js").Field[]} */
const NEW = [
  { pointer: "/key", label: "Key", required: true, placeholder: "api_calls", help: "What plans name it by: a–z, 0–9, _ and -." },
  { pointer: "/name", label: "Name", required: true, placeholder: "API calls" },
  { pointer: "/event_type", label: "Event type", required: true, placeholder: "api.call" },
  { pointer: "/aggregation", label: "Aggregation", kind: "select", value: "count", options: AGGREGATIONS.map((each) => ({ value: each, label: each.replaceAll("_", " ") })) },
  { pointer: "/value", label: "Value", placeholder: "usage.tokens", help: "The path of the value in the event’s data.", shownIf: (values) => values["/aggregation"] !== "count" },
  { pointer: "/dimensions", label: "Dimensions (JSON)", kind: "json", rows: 2, help: 'What usage is grouped and priced by, with its path in the data: {"model": "model"}.' },
  { pointer: "/filter", label: "Filter (JSON)", kind: "json", rows: 2, help: 'Only events with these values: {"kind": ["output"]}.' },
  { pointer: "/unit", label: "Unit", placeholder: "call" },
  { pointer: "/strict", label: "Strict: refuse events without a usable value", kind: "check" },
  { pointer: "/count_from", label: "Count from (UTC)", kind: "datetime", help: "Without one all events that are stored." },
];

function Create() {
  return html`<${ActionButton} class="primary" label=${html`<${Icon} name="plus" />New meter`} dialog=${(/** @type {() => void} */ close) => html`<${ActionDialog} title="New meter" action="Create"
    path="meters" fields=${NEW} body=${(/** @type {Values} */ values) => bodyOf(NEW, values)} onClose=${close}
    effect="Creates the meter and counts the events of its type, also those already stored. What it counts never changes." />`} />`;
}
