/** Usage history: what grants paid, per local day and charge. */
import { useState } from "preact/hooks";
import { DayRange, Named, Unfold, chargeName, rangeOf, toggled } from "./credit_parts.js";
import { useRows } from "./credit_rows.js";
import { compare, percentOf, sum } from "./decimal.js";
import { Money } from "./figures.js";
import { html } from "./html.js";
import { formatDay } from "./time.js";
import { Badge, Card, Empty, Loaded, More, Table } from "./ui.js";

/** @typedef {import("./credit_parts.js").Credits} Credits */
/** @typedef {{day: string, rows: any[], total: string, isPart: boolean}} Day `isPart`: more rows of it follow */

const HEAD = ["Day and charge", "Grant", { text: "Amount", numeric: true }];
const UNFOLDED = 3;

/**
 * Group rows by day, newest first. While more rows follow, the last day may be incomplete: it waits for them, unless it
 * is the only one, which says so.
 * @param {any[]} rows @param {boolean} more @returns {Day[]}
 */
function daysOf(rows, more) {
  /** @type {Map<string, any[]>} */
  const found = new Map();
  for (const row of rows) found.set(row.day, [...(found.get(row.day) ?? []), row]);
  const days = [...found].map(([day, of]) => ({ day, rows: of, total: sum(of.map((row) => row.amount)), isPart: more && found.size === 1 }));
  return more && days.length > 1 ? days.slice(0, -1) : days;
}

/** @param {{of: Credits, place: import("./place.js").Place}} props */
export function UsageHistory({ of, place }) {
  const range = rangeOf(place, "drawn");
  return html`<${Card} title="Usage history" class="credit-usage" aside=${range.from || range.last ? null : "The last 30 days"}>
    <div class="toolbar"><${DayRange} name="drawn" label="Days of usage" range=${range} clear="Last 30 days" /></div>
    ${!range.isEmpty && html`<${Drawn} of=${of} range=${range} />`}
  <//>`;
}

/** @param {{of: Credits, range: ReturnType<typeof rangeOf>}} props */
function Drawn({ of, range }) {
  const drawn = useRows(`${of.root}/usage`, { from: range.from, to: range.to }, { first: 200 });
  const [chosen, choose] = useState(/** @type {Set<string> | null} */ (null));
  const more = drawn.value?.more ?? false;
  const days = daysOf(drawn.value?.rows ?? [], more);
  const most = days.reduce((top, day) => (compare(day.total, top) > 0 ? day.total : top), "0");
  const total = sum(days.map((day) => day.total));
  const open = chosen ?? new Set(days.slice(0, UNFOLDED).map((day) => day.day));
  const areOpen = days.every((day) => open.has(day.day));
  return html`<${Loaded} loaded=${drawn} what="The usage history" lines=${6}>
    ${() => days.length === 0
      ? html`<${Empty} title="No credit was used in this range">Usage that credit pays for appears here on its day, also while it is pending.<//>`
      : html`<div class=${drawn.isOther ? "stale" : ""} aria-busy=${drawn.isOther}>
          <div class="toolbar"><p>${days[0].isPart ? "Used in the rows shown" : more ? "Used on the days shown" : "Used in the range"}: <strong><${Money} amount=${total} currency=${of.currency} /></strong></p>
            <button type="button" class="plain" onClick=${() => choose(new Set(areOpen ? [] : days.map((day) => day.day)))}>${areOpen ? "Fold all days" : "Unfold all days"}</button></div>
          <${Table} label="Credit used by day and charge" class="drawn" head=${HEAD}>
            ${days.map((day) => html`<${OfDay} key=${day.day} of=${of} day=${day} most=${most} isOpen=${open.has(day.day)} onToggle=${() => choose(toggled(open, day.day))} />`)}
          <//>
          <${More} more=${more} isLoading=${drawn.isGrowing} onMore=${drawn.showMore} label=${days[0].isPart ? "Show more of this day" : "Show earlier days"} /></div>`}
  <//>`;
}

/** @param {{of: Credits, day: Day, most: string, isOpen: boolean, onToggle: () => void}} props */
function OfDay({ of, day, most, isOpen, onToggle }) {
  const share = compare(day.total, "0") > 0 ? percentOf(day.total, most, 1) : null;
  return html`<tr class="day"><th scope="row"><${Unfold} isOpen=${isOpen} onToggle=${onToggle} label=${`${formatDay(day.day)}: charges and grants`}><time datetime=${day.day}>${formatDay(day.day)}</time><//>${day.isPart && html` <small class="quiet">in part</small>`}</th>
      <td class="day-bar"><span class="gauge" aria-hidden="true"><span style=${{ width: `${share ?? 0}%` }}></span></span></td>
      <td class="numeric"><strong><${Money} amount=${day.total} currency=${of.currency} /></strong></td></tr>
    ${isOpen && day.rows.map((row) => html`<tr key=${`${row.charge} ${row.grant} ${row.pending}`}>
      <td class="drawn-charge"><${Named} name=${chargeName(of, row.charge)} /></td>
      <td class="of-grant"><${Named} name=${of.nameOf(row.grant)} />${row.pending && html`<${Badge} tone="live" icon="clock">Pending<//>`}</td>
      <td class="numeric"><${Money} amount=${row.amount} currency=${of.currency} /></td></tr>`)}`;
}
