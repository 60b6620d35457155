/** The figures of a graph as a table: windows as rows, the newest first, groups as columns. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Money, Quantity } from "./figures.js";
import { html } from "./html.js";
import { More, Table } from "./ui.js";

const PAGE = 100;
const HEADS = { hour: "Hour", day: "Day", month: "Month" };

/** The meter whose table a reader follows a link to. @type {string | null} */
let followed = null;

/** Go to the table of a meter once it is there. @param {string} meter */
export const follow = (meter) => {
  followed = meter;
};

/**
 * @param {{meter: string, name: string, axis: import("./usage_series.js").Axis, series: import("./usage_series.js").Series[],
 *   question: import("./usage_query.js").Question, currency: string}} props
 */
export function UsageTable({ meter, name, axis, series, question, currency }) {
  const [most, setMost] = useState(PAGE);
  const root = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (followed !== meter) return;
    followed = null;
    /** @type {HTMLElement | null | undefined} */ (root.current?.querySelector(".table"))?.focus();
  }, []);
  const isGrouped = question.dimensions.length > 0;
  const rows = axis.windows.map((window, index) => ({ window, cells: series.map((each) => each.cells[index]) })).filter(({ cells }) => cells.some(Boolean)).reverse();
  if (rows.length === 0) return html`<p class="quiet">No usage in this range.</p>`;
  const names = isGrouped ? series.map((each) => each.name) : question.isSpend ? ["Quantity", "Spend"] : ["Quantity"];
  const head = [HEADS[question.window], ...names.map((text) => ({ numeric: true, text: html`<span class="group-name" dir="auto" title=${text}>${text}</span>` }))];
  return html`<div ref=${root}><${Table} label=${`${name}, by ${question.window}`} class="usage-table" head=${head}>
      ${rows.slice(0, most).map(({ window, cells }) => html`<tr key=${window.key}>
        <th scope="row">${window.long}${window.isPartial && html`<span class="quiet"> so far</span>`}</th>
        ${!isGrouped && question.isSpend
          ? html`<td class="numeric"><${Quantity} quantity=${cells[0]?.value ?? "0"} /></td><td class="numeric">${moneyOf(cells[0], currency)}</td>`
          : cells.map((cell, index) => html`<td class="numeric" key=${series[index].key}><${Figures} cell=${cell} isSpend=${question.isSpend} currency=${currency} /></td>`)}
      </tr>`)}
    <//>
    <${More} more=${rows.length > most} onMore=${() => setMost(most + PAGE)} label=${`Show ${Math.min(PAGE, rows.length - most)} more of ${rows.length}`} /></div>`;
}

/** @param {import("./usage_series.js").Cell | undefined} cell @param {string} currency */
const moneyOf = (cell, currency) => (cell?.spend == null ? none : html`<${Money} amount=${cell.spend} currency=${currency} />`);

/** No figure, which is not the same as a zero. */
const none = html`<span class="quiet"><span aria-hidden="true">–</span><span class="hidden">none</span></span>`;

/** @param {{cell?: import("./usage_series.js").Cell, isSpend: boolean, currency: string}} props */
function Figures({ cell, isSpend, currency }) {
  if (cell === undefined) return none;
  const quantity = html`<${Quantity} quantity=${cell.value} />`;
  return isSpend ? html`${moneyOf(cell, currency)}<small class="quiet">${quantity}</small>` : quantity;
}
