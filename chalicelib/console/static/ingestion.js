/** What became of the events that were received: of one organization by day, or of each organization. */
import { at, get, list } from "./api.js";
import { refresh, serverNow } from "./clock.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { useLoad } from "./load.js";
import { Pages, usePages } from "./operator_parts.js";
import { OF_ORGANIZATION } from "./organization_switch.js";
import { Link, go } from "./place.js";
import { addDays, formatDay, localDay } from "./time.js";
import { Badge, Card, Empty, Failure, Loaded, Segments, Skeleton, Table } from "./ui.js";

/** @type {[field: string, label: string, help: string][]} what stands out when it is not 0 */
const PROBLEMS = [
  ["conflicts", "Conflicts", "The same id came with other content; the first one counts."],
  ["unmatched", "Unmatched", "No meter is for this type of event."],
  ["unusable", "Unusable", "A meter could not use the event: its value or a dimension is missing or wrong."],
];
/** @type {[field: string, label: string, help: string][]} */
const OTHERS = [
  ["duplicates", "Duplicates", "Sent again; counted once."],
  ["voided", "Voided", "Taken back."],
  ["amended", "Amended", "Their data was replaced."],
];
const COLUMNS = [...PROBLEMS, ...OTHERS];
const SPANS = ["7", "30", "90"];

/** @param {import("./roles.js").ViewProps} props */
export default function IngestionView({ place }) {
  const days = SPANS.includes(place.days) ? place.days : "30";
  const options = SPANS.map((each) => ({ value: each, label: `${each} days` }));
  return html`<div class="toolbar">
      <${Segments} label="Range" value=${days} options=${options} onChange=${(/** @type {string} */ value) => go({ days: value })} />
      ${place.org
        ? html`<${Link} class="button" to=${{ ...OF_ORGANIZATION, org: null }}>All organizations<//>`
        : html`<button type="button" onClick=${refresh}><${Icon} name="refresh" />Refresh</button>`}
    </div>
    ${place.org ? html`<${OfOrganization} key=${`${place.org} ${days}`} id=${place.org} days=${Number(days)} />` : html`<${OfAll} days=${Number(days)} />`}`;
}

/** @param {string} id @param {number} days @param {string} timezone @param {AbortSignal} signal */
function readDays(id, days, timezone, signal) {
  const today = localDay(serverNow(), timezone);
  return get("ingestion", { organization: id, from: addDays(today, 1 - days), to: addDays(today, 1) }, signal);
}

/** @param {any[]} days @param {string} field */
const total = (days, field) => days.reduce((count, day) => count + day[field], 0);

/** @param {{id: string, days: number}} props */
function OfOrganization({ id, days }) {
  const loaded = useLoad(async (signal) => {
    const organization = await get(at`organizations/${id}`, {}, signal);
    return { organization, health: await readDays(id, days, organization.timezone, signal) };
  }, [id, days]);
  return html`<${Loaded} loaded=${loaded} what="Ingestion" lines=${8}>${(/** @type {any} */ { organization, health }) => html`<div class="stack">
    ${health.warnings.map((/** @type {any} */ warning) => html`<p class="notice warn" key=${warning.day + warning.meter}><${Icon} name="warning" /><span><code>${warning.meter}</code>, ${formatDay(warning.day)}: ${warning.detail}</span></p>`)}
    <${Card} title=${organization.name} aside=${`Days in ${organization.timezone}, by the time of the events`}>
      <${Summary} days=${health.data} />
      ${total(health.data, "accepted") === 0 && COLUMNS.every(([field]) => total(health.data, field) === 0)
        ? html`<${Empty} title="No event was received">Send events with the subject <code>${id}</code>.<//>`
        : html`<${ByDay} days=${health.data} organization=${organization} />`}
    <//></div>`}
  <//>`;
}

/** @param {{days: any[]}} props */
function Summary({ days }) {
  const problems = PROBLEMS.filter(([field]) => total(days, field) > 0);
  return html`<div class="sums">${problems.length === 0
    ? html`<${Badge} tone="good" icon="check">No problems<//>`
    : html`<ul class="problems">${problems.map(([field, label, help]) => html`<li key=${field}><${Badge} tone="warn" icon="warning">${total(days, field).toLocaleString("en")} ${label.toLowerCase()}<//> <span class="quiet">${help}</span></li>`)}</ul>`}</div>`;
}

/** @param {{days: any[], organization: any}} props */
function ByDay({ days, organization }) {
  const most = Math.max(1, ...days.map((day) => day.accepted));
  return html`<${Table} label="Events by day" class="listed" head=${["Day", { text: "Accepted", numeric: true }, ...COLUMNS.map(([, label]) => ({ text: label, numeric: true }))]}>
    ${days.toReversed().map((day) => html`<tr key=${day.day}>
      <td class="day"><${Link} to=${{ ...OF_ORGANIZATION, org: organization.id, view: "events", events: `from=${day.day}&to=${day.day}` }}>${formatDay(day.day)}<//></td>
      <td class="numeric"><${Accepted} count=${day.accepted} most=${most} /></td>
      ${COLUMNS.map(([field]) => html`<td class="numeric" key=${field}><${Count} count=${day[field]} isProblem=${PROBLEMS.some(([each]) => each === field)} /></td>`)}</tr>`)}
  <//>`;
}

/** A count with a bar as long as its share of the highest one. @param {{count: number, most: number}} props */
function Accepted({ count, most }) {
  return html`<span class="measured"><span class="measure" aria-hidden="true"><span style=${{ width: `${(100 * count) / most}%` }}></span></span><data value=${count}>${count.toLocaleString("en")}</data></span>`;
}

/** @param {{count: number, isProblem: boolean}} props */
function Count({ count, isProblem }) {
  const shown = html`<data value=${count}>${count.toLocaleString("en")}</data>`;
  if (count === 0) return html`<span class="quiet">${shown}</span>`;
  return isProblem ? html`<${Badge} tone="warn" icon="warning">${shown}<//>` : shown;
}

/** Every row is a question of its own, so they are asked again only by hand. @param {{days: number}} props */
function OfAll({ days }) {
  const pages = usePages("organizations", {}, { read: list, live: "by-hand" });
  return html`<${Card} title="By organization" aside=${`The last ${days} days, by the time of the events; refreshed only by hand`}>
    <${Pages} pages=${pages} what="The organizations" label="Events by organization" empty=${html`<${Empty} title="There is no organization yet">Create one under Organizations.<//>`}
      head=${["Organization", { text: "Accepted", numeric: true }, ...COLUMNS.map(([, label]) => ({ text: label, numeric: true }))]}
      row=${(/** @type {any} */ organization) => html`<${Row} key=${`${organization.id} ${days}`} organization=${organization} days=${days} />`} />
  <//>`;
}

/** @param {{organization: any, days: number}} props */
function Row({ organization, days }) {
  const { value, problem, isLoading, retry } = useLoad((signal) => readDays(organization.id, days, organization.timezone, signal), [organization.id, days], { live: "by-hand" });
  const name = html`<td class="name"><${Link} to=${{ ...OF_ORGANIZATION, org: organization.id }} dir="auto">${organization.name}<//></td>`;
  const width = COLUMNS.length + 1;
  const isWrong = problem && !isLoading && (!value || problem.code !== "offline" || navigator.onLine);
  if (!value || isWrong) return html`<tr>${name}<td colspan=${width}>${isWrong ? html`<${Failure} problem=${problem} retry=${retry} what="Ingestion" />` : html`<${Skeleton} lines=${1} />`}</td></tr>`;
  return html`<tr>${name}<td class="numeric"><data value=${total(value.data, "accepted")}>${total(value.data, "accepted").toLocaleString("en")}</data></td>
    ${COLUMNS.map(([field]) => html`<td class="numeric" key=${field}><${Count} count=${total(value.data, field)} isProblem=${PROBLEMS.some(([each]) => each === field)} /></td>`)}</tr>`;
}
