/** The Usage tab: a card for each meter, with its total and its graph or table over a range. */
import { useRef } from "preact/hooks";
import { at, list } from "./api.js";
import { serverNow } from "./clock.js";
import { isZero, sum } from "./decimal.js";
import { Money } from "./figures.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { useLoad } from "./load.js";
import { go } from "./place.js";
import { formatDay, formatSpan, localDay } from "./time.js";
import { Empty, Failure, Skeleton } from "./ui.js";
import { useSplitUsage, useUsage } from "./usage_answer.js";
import { MeterCard } from "./usage_card.js";
import { currentOf, historyDays, questionOf } from "./usage_query.js";
import { UsageToolbar } from "./usage_toolbar.js";
import { isOperator } from "./roles.js";

/** @param {import("./roles.js").ViewProps} props */
export default function UsageView({ session, organization, place }) {
  const path = at`organizations/${organization.id}/usage`;
  const subscriptions = useLoad((signal) => list(at`organizations/${organization.id}/subscriptions`, {}, { signal }), [organization.id], { live: false });
  const meters = useLoad((signal) => list("meters", {}, { signal }), [], { live: false });
  const { timezone } = organization;
  const subscription = currentOf(subscriptions.value?.data ?? []);
  const limit = isOperator(session) || !subscriptions.value ? null : historyDays(subscription);
  const isKnown = subscriptions.value !== undefined || !subscriptions.isLoading;
  const bounds = { today: localDay(serverNow(), timezone), timezone, limit, subscription, isKnown };
  const question = questionOf(place, bounds);
  const isWaiting = !isKnown && place.range !== undefined;
  const dimensions = [...new Set((meters.value?.data ?? []).flatMap((meter) => Object.keys(meter.dimensions)))].sort();
  return html`<div class="usage">
    <div class="usage-head"><h2>Your recent usage</h2>
      ${!question.range.reason && isKnown && html`<p class="quiet">${daysOf(question.range)}, ${timezone}</p>`}</div>
    <${UsageToolbar} question=${question} bounds=${bounds} dimensions=${dimensions} organization=${organization} path=${path} />
    ${isWaiting
      ? html`<${LoadingCards} />`
      : question.range.reason
        ? html`<${Refused} reason=${question.range.reason} />`
        : html`<${Answered} path=${path} question=${question} organization=${organization} meters=${meters} isOperator=${isOperator(session)} />`}
  </div>`;
}

/** @param {import("./usage_query.js").RangeChoice} range */
const daysOf = ({ firstDay, lastDay }) =>
  firstDay === lastDay ? formatDay(firstDay) : formatSpan({ start: `${firstDay}T00:00:00Z`, end: `${lastDay}T23:59:59Z` }, "UTC");

function LoadingCards() {
  return html`<div class="usage-grid">${[1, 2, 3, 4].map((each) => html`<div class="card meter" key=${each}><${Skeleton} lines=${8} label="Loading usage" /></div>`)}</div>`;
}

/** A range that may not be seen. @param {{reason: string}} props */
function Refused({ reason }) {
  const back = html`<button type="button" onClick=${() => go({ range: null, from: null, to: null })}>Show the latest days</button>`;
  return html`<div class="card"><${Empty} title="This range cannot be shown" action=${back}>${reason}<//></div>`;
}

/**
 * @param {{path: string, question: import("./usage_query.js").Question, organization: any, meters: import("./load.js").Loaded<any>, isOperator: boolean}} props
 */
function Answered({ path, question, organization, meters, isOperator: isOwner }) {
  const { value, problem, isLoading, retry } = useUsage(path, question);
  const known = meters.value?.data ?? [];
  const split = useSplitUsage(path, value && value.answer === null ? value : null, known);
  const palette = useRef({ group: "", colors: new Map() });
  if (palette.current.group !== question.dimensions.join()) palette.current = { group: question.dimensions.join(), colors: new Map() };
  const isOld = value !== undefined && value.question.id !== question.id;
  if (problem && !isLoading && (value === undefined || isOld)) {
    return problem.code === "history-limit" ? html`<${Refused} reason=${problem.detail} />` : html`<div class="card"><${Failure} problem=${problem} retry=${retry} what="Usage" /></div>`;
  }
  if (value === undefined || (value.answer === null && isOld)) return html`<${LoadingCards} />`;
  if (value.answer === null && meters.problem) return html`<div class="card"><${Failure} problem=${meters.problem} retry=${() => (meters.retry(), retry())} what="Usage" /></div>`;
  // What is shown belongs together: figures of the old question are shown as that asked until the new ones are there.
  const asked = { ...value.question, isTable: question.isTable };
  /** @type {import("./usage_answer.js").Entry[]} */
  const all = value.answer ? value.answer.data.map((/** @type {any} */ usage) => ({ key: usage.meter, name: usage.name, usage, answer: value.answer })) : split;
  const listed = all.filter((each) => asked.hasZero || !each.usage || !isZero(each.usage.total));
  const isBilled = (/** @type {import("./usage_answer.js").Entry} */ each) => Number(!each.usage || each.usage.spend != null);
  const entries = asked.isSpend ? listed.sort((one, other) => isBilled(other) - isBilled(one)) : listed;
  const missing = value.answer ? known.filter((/** @type {any} */ meter) => !all.some((each) => each.key === meter.key)).length : all.length - entries.length;
  return html`<div class="usage-answer" aria-busy=${isOld}>
    ${problem && !isOld && (problem.code !== "offline" || navigator.onLine) && html`<p class="notice warn" role="status"><${Icon} name="warning" /><span dir="auto">Usage could not be refreshed: ${problem.message}</span>
      <button type="button" class="plain" onClick=${retry}>Try again</button></p>`}
    ${asked.isSpend && html`<${TotalSpend} entries=${entries} currency=${organization.currency} />`}
    ${entries.length === 0
      ? html`<div class="card"><${NoUsage} isOperator=${isOwner} /></div>`
      : html`<div class=${`usage-grid${asked.isTable && (asked.isSpend || asked.dimensions.length) ? " tables" : ""}`}>
          ${entries.map((entry) => html`<${MeterCard} key=${entry.key} entry=${entry} question=${asked} currency=${organization.currency} palette=${palette.current.colors} />`)}</div>`}
    ${!asked.hasZero && missing > 0 && html`<p class="usage-more quiet"><span>${missing === 1 ? "1 metric without usage is hidden." : `${missing} metrics without usage are hidden.`}</span>
      <button type="button" class="plain" onClick=${() => go({ zero: "shown" })}>Show ${missing === 1 ? "it" : "them"}</button></p>`}
  </div>`;
}

/** @param {{isOperator: boolean}} props */
function NoUsage({ isOperator: isOwner }) {
  if (!isOwner) return html`<${Empty} title="No usage yet">Nothing was used in this range. Usage appears here as it happens.<//>`;
  return html`<${Empty} title="No usage in this range">Send events to <code>POST /v1/events</code>; what a meter counts appears here at once.<//>`;
}

/** @param {{entries: import("./usage_answer.js").Entry[], currency: string}} props */
function TotalSpend({ entries, currency }) {
  const amounts = entries.flatMap((each) => each.usage?.spend ?? []);
  const isWhole = entries.every((each) => each.usage);
  return html`<p class="usage-spend"><span>Total spend</span> ${amounts.length ? html`<strong><${Money} amount=${sum(amounts)} currency=${currency} /></strong>` : html`<span>nothing is billed</span>`}
    <span class="quiet">${isWhole ? "of the metrics shown, before discounts, credits and taxes" : "of the metrics that could be loaded, before discounts, credits and taxes"}</span></p>`;
}
