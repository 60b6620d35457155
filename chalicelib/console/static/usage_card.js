/** A meter's card: its total, the change, and the graph or the table of its windows. */
import { useMemo, useState } from "preact/hooks";
import { changePercent, compare, formatDecimal, formatShort } from "./decimal.js";
import { Money, Quantity } from "./figures.js";
import { html } from "./html.js";
import { Link } from "./place.js";
import { Badge, Card, Failure, Skeleton } from "./ui.js";
import { UsageGraph } from "./usage_graph.js";
import { axisOf, isUngrouped, seriesOf } from "./usage_series.js";
import { UsageTable, follow } from "./usage_table.js";

/** What the total of a meter is, where it is no sum. @type {Record<string, string>} */
const KINDS = { max: "highest", min: "lowest", average: "average", unique_count: "distinct", latest: "latest" };

/**
 * @typedef {import("./usage_query.js").Question} Question
 * @typedef {{usage: any, answer: any, question: Question, currency: string, palette: Map<string, number>}} Shown
 * @param {{entry: import("./usage_answer.js").Entry, question: Question, currency: string, palette: Map<string, number>}} props
 */
export function MeterCard({ entry, question, currency, palette }) {
  const { usage, answer, problem, retry, name } = entry;
  if (!usage) {
    return html`<${Card} title=${name} level=${3} class="meter">
      ${problem ? html`<${Failure} problem=${problem} retry=${retry} what="This metric" />` : html`<${Skeleton} lines=${6} label=${`Loading ${name}`} />`}<//>`;
  }
  const badges = html`${usage.counting && html`<${Badge} tone="live" icon="clock">Still counting stored events<//>`}${usage.billable && html`<${Badge}>Billable<//>`}`;
  return html`<${Card} title=${usage.name} level=${3} class="meter" aside=${badges}>
    <${Total} usage=${usage} question=${question} currency=${currency} />
    ${problem && html`<p class="fault" role="status"><span>Could not be refreshed.</span><button type="button" class="plain" onClick=${retry}>Try again</button></p>`}
    <${Windows} usage=${usage} answer=${answer} question=${question} currency=${currency} palette=${palette} />
  <//>`;
}

/** @param {{usage: any, question: Question, currency: string}} props */
function Total({ usage, question, currency }) {
  const kind = KINDS[usage.aggregation];
  const quantity = html`<${Quantity} quantity=${usage.total} unit=${usage.unit} short />${kind && html`<span class="unit"> (${kind})</span>`}`;
  const spend = usage.spend == null ? html`<span class="quiet">not billed</span>` : html`<${Money} amount=${usage.spend} currency=${currency} />`;
  return html`<p class="usage-total">${question.isSpend ? spend : quantity}</p>
    <p class="usage-change">${question.isSpend && html`<span class="quiet">${quantity}</span>`}<${Change} usage=${usage} />
      ${!question.isTable && html`<${Link} to=${{ layout: "table" }} onFollow=${() => follow(usage.meter)} aria-label=${`Show as table: ${usage.name}`}>Show as table<//>`}</p>`;
}

/** Up or down, in words too, vs. the range before. @param {{usage: any}} props */
function Change({ usage: { total, previous_total: before, unit } }) {
  if (before == null) return null;
  const title = `Before: ${formatDecimal(before)}${unit ? ` ${unit}` : ""}`;
  const way = compare(total, before);
  const percent = changePercent(before, total);
  if (way === 0) return html`<span class="change" title=${title}>no change <span class="quiet">vs. the range before</span></span>`;
  if (percent === null) return html`<span class="change" title=${title}>new <span class="quiet">– nothing in the range before</span></span>`;
  return html`<span class="change" title=${title}><span aria-hidden="true">${way > 0 ? "▲" : "▼"} </span><span class="hidden">${way > 0 ? "up" : "down"} </span>
    ${formatShort(percent.replace("-", ""), 1)}% <span class="quiet">vs. the range before</span></span>`;
}

/** @param {Shown} props */
function Windows({ usage, answer, question, currency, palette }) {
  const axis = axisOf(answer);
  const series = useMemo(() => seriesOf(usage, axis, { dimensions: question.dimensions, palette }), [usage, axis]);
  const [hidden, setHidden] = useState(/** @type {string[]} */ ([]));
  const isPlain = isUngrouped(series);
  const shown = useMemo(() => series.filter((each) => !hidden.includes(each.key)), [series, hidden]);
  if (question.isTable) return html`<${UsageTable} meter=${usage.meter} name=${usage.name} axis=${axis} series=${series} question=${question} currency=${currency} />`;
  if (question.isSpend && usage.spend == null) return null;
  const toggle = (/** @type {string} */ key) => setHidden(hidden.includes(key) ? hidden.filter((each) => each !== key) : [...hidden, key]);
  return html`<${UsageGraph} usage=${usage} axis=${axis} series=${series} shown=${shown} question=${question} currency=${currency} />
    ${!isPlain && html`<${Legend} series=${series} hidden=${hidden} onToggle=${toggle} />`}
    ${isPlain && question.dimensions.length > 0 && html`<p class="quiet legend-none">${series[0].name}</p>`}`;
}

/** @param {{series: import("./usage_series.js").Series[], hidden: string[], onToggle: (key: string) => void}} props */
function Legend({ series, hidden, onToggle }) {
  return html`<ul class="legend" aria-label="Groups">
    ${series.map((each) => html`<li key=${each.key}><button type="button" class="plain" aria-pressed=${!hidden.includes(each.key)} title=${each.name} onClick=${() => onToggle(each.key)}>
      <span class="swatch" style=${{ background: `var(${each.color})` }}></span><span class="group-name" dir="auto">${each.name}</span></button></li>`)}
  </ul>`;
}
