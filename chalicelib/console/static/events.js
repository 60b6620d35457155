/** The events of an organization, newest first: what was received, and what became of it. */
import { at, get, getText, list } from "./api.js";
import { parseExactly } from "./exact_json.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { useLoad } from "./load.js";
import { EventRow, HEAD } from "./operator_event.js";
import { DayField, Pages, SearchField, usePages } from "./operator_parts.js";
import { Link, go } from "./place.js";
import { addDays, knownDay } from "./time.js";
import { Card, Choice, Empty } from "./ui.js";
import { mayAct } from "./roles.js";

/** @param {import("./roles.js").ViewProps} props */
export default function EventsView({ session, organization, place }) {
  const wanted = Object.fromEntries([...new URLSearchParams(place.events ?? "")].filter(([name, value]) => (name !== "from" && name !== "to") || knownDay(value)));
  const line = place.invoice && place.line ? { invoice: place.invoice, line: place.line } : {};
  const meters = useLoad((signal) => list("meters", {}, { signal }), []);
  const pages = usePages(at`organizations/${organization.id}/events`, { ...line, ...questionOf(wanted) }, { read: readEvents });
  const isFiltered = Object.keys(wanted).length > 0;
  const empty = html`<${Empty} title="No event is found">${isFiltered ? "No event that was received is like this." : line.line ? "No event is behind this line: it may be a fee." : "None was received in the last 7 days; choose days to look further back."}<//>`;
  return html`${line.line && html`<${BehindLine} invoice=${line.invoice} line=${line.line} />`}
    <${Filters} wanted=${wanted} meters=${meters.value?.data ?? []} />
    <${Card} title="Events" aside=${wanted.from || wanted.to || line.line ? null : "The last 7 days"}>
      <${Pages} pages=${pages} what="The events" label="Events" head=${HEAD} empty=${empty}
        above=${(/** @type {any[]} */ data) => data.length === 0 && html`<p class="quiet">Nothing was found so far; there is more to search.</p>`}
        row=${(/** @type {any} */ event) => html`<${EventRow} key=${event.key} event=${event} timezone=${organization.timezone} canAct=${mayAct(session)} />`} />
    <//>`;
}

/** What is asked of the API for what the address says; its last day is included. @param {Record<string, string>} wanted */
const questionOf = ({ to, ...rest }) => ({ ...rest, to: to && addDays(to, 1) });

/**
 * Read the newest events, with every digit of their data.
 * @param {string} path @param {Record<string, any>} params @param {{most?: number, signal?: AbortSignal}} options
 */
async function readEvents(path, params, { most = 50, signal }) {
  /** @type {any[]} */
  const data = [];
  /** @type {Map<string, number>} */
  const seen = new Map();
  let cursor = null;
  do {
    const page = parseExactly(await getText(path, { ...params, limit: Math.min(200, most), cursor }, signal));
    for (const event of page.data) {
      const name = JSON.stringify([event.source, event.id, event.time, event.received_at]);
      seen.set(name, (seen.get(name) ?? 0) + 1);
      data.push({ ...event, key: `${name} ${seen.get(name)}` });
    }
    cursor = page.next_cursor;
  } while (cursor !== null && data.length < most);
  return { data, more: cursor !== null };
}

/** @param {{invoice: string, line: string}} props */
function BehindLine({ invoice, line }) {
  const loaded = useLoad((signal) => get(at`invoices/${invoice}`, {}, signal), [invoice], { live: false });
  const found = loaded.value?.lines.find((/** @type {any} */ each) => each.id === line);
  const number = loaded.value && (loaded.value.number ?? "the draft");
  return html`<div class="notice"><${Icon} name="search" /><div>The events behind the line <strong dir="auto">${found?.name ?? line}</strong> of <${Link} to=${{ view: "invoices", events: null }}>${number ? (loaded.value.number ? `invoice ${number}` : number) : invoice}<//></div>
    <${Link} to=${{ invoice: null, line: null }}>Show all events<//></div>`;
}

/** @param {{wanted: Record<string, string>, meters: any[]}} props */
function Filters({ wanted, meters }) {
  const ask = (/** @type {Record<string, string>} */ changes) => {
    const entries = Object.entries({ ...wanted, ...changes }).filter(([, value]) => value);
    go({ events: new URLSearchParams(entries).toString() }, { replace: true });
  };
  const askMeter = (/** @type {string} */ meter) => {
    const kept = Object.entries(wanted).filter(([name, value]) => value && name !== "meter" && !name.startsWith("filter["));
    go({ events: new URLSearchParams(meter ? [...kept, ["meter", meter]] : kept).toString() });
  };
  const text = (/** @type {string} */ name, /** @type {string} */ label) =>
    html`<${SearchField} key=${name} icon=${false} label=${label} value=${wanted[name] ?? ""} onSearch=${(/** @type {string} */ found) => ask({ [name]: found })} />`;
  const options = [{ value: "", label: "all" }, ...meters.map((meter) => ({ value: meter.key, label: meter.name }))];
  const dimensions = Object.keys(meters.find((meter) => meter.key === wanted.meter)?.dimensions ?? {});
  return html`<div class="toolbar filters" role="search" aria-label="Events">
    <${DayField} label="From" value=${wanted.from ?? ""} onChange=${(/** @type {string} */ from) => ask({ from })} />
    <${DayField} label="To" value=${wanted.to ?? ""} onChange=${(/** @type {string} */ to) => ask({ to })} />
    ${text("type", "Type")}${text("source", "Source")}${text("id", "Id")}
    <${Choice} label="Meter" value=${wanted.meter ?? ""} options=${options} onChange=${askMeter} />
    ${dimensions.map((name) => text(`filter[${name}]`, name))}
    ${Object.keys(wanted).length > 0 && html`<button type="button" class="plain" onClick=${() => go({ events: null })}><${Icon} name="cross" />Clear</button>`}
  </div>`;
}
