/** The graph of a meter: what is drawn, and what is told of each window. */
import { useMemo } from "preact/hooks";
import { formatAxis, formatDecimal, formatMoney, heightOf, isZero } from "./decimal.js";
import { Graph } from "./graph.js";
import { html } from "./html.js";
import { isAdditive, isUngrouped, shareOf } from "./usage_series.js";

/**
 * @typedef {import("./usage_series.js").Series} Series
 * @typedef {{key: string, name: string, color: string, figure: string, share: string | null}} Row
 * @typedef {{usage: any, axis: import("./usage_series.js").Axis, series: Series[], shown: Series[],
 *   question: import("./usage_query.js").Question, currency: string}} UsageGraphProps `shown`: the series that are not hidden
 * @param {UsageGraphProps} props
 */
export function UsageGraph(props) {
  const { usage, axis, series, shown, question, currency } = props;
  const { isSpend } = question;
  const drawn = useMemo(() => shown.map((each) => ({ ...each, heights: heightsOf(each, isSpend) })), [shown, isSpend]);
  const reason = withoutGraph(series, isSpend);
  if (reason) return html`<div class="graph undrawn"><p class="quiet">${reason}</p></div>`;
  const isPlain = isUngrouped(series);
  const unit = isSpend ? "" : (usage.unit ?? "");
  const written = (/** @type {string} */ figure) => (isSpend ? formatMoney(figure, currency) : formatDecimal(figure));
  const symbol = isSpend ? formatMoney("0", currency).replace("0", "") : "";
  const titleAt = (/** @type {number} */ index) => `${axis.windows[index].long}${axis.windows[index].isPartial ? " (so far)" : ""}`;
  const tell = (/** @type {number} */ index) => {
    const told = rowsAt(props, index).map((row) => [isPlain ? "" : `${row.name}: `, written(row.figure), unit && ` ${unit}`, row.share && `, ${row.share}`].join(""));
    return `${titleAt(index)}: ${told.join("; ") || "no usage"}`;
  };
  const tip = (/** @type {number} */ index) => {
    const rows = rowsAt(props, index);
    return html`<p class="tip-title">${titleAt(index)}</p>
      ${rows.length === 0 && html`<p class="quiet">No usage</p>`}
      <ul>${rows.map((row) => html`<li key=${row.key}><span class="swatch" style=${{ background: `var(${row.color})` }}></span>
        ${!isPlain && html`<span class="group-name" dir="auto">${row.name}</span>`}
        <span class="tip-figure">${written(row.figure)}</span>${isPlain && unit && html`<span class="unit" dir="auto">${unit}</span>`}
        ${row.share && html`<span class="tip-share quiet">${row.share}</span>`}</li>`)}</ul>
      ${!isPlain && unit && html`<p class="tip-unit quiet" dir="auto">${unit}</p>`}`;
  };
  const total = isSpend ? (usage.spend == null ? "not billed" : written(usage.spend)) : `${written(usage.total)} ${unit}`;
  const summary = `${usage.name}: ${total} in ${axis.windows.length} windows by ${question.window}${isPlain ? "" : `, ${series.length} groups`}. The table has every figure.`;
  return html`<${Graph} label=${usage.name} summary=${summary} windows=${axis.windows} series=${drawn} isStacked=${isSpend || isAdditive(usage)}
    formatTick=${(/** @type {number} */ value) => symbol + formatAxis(value)} tip=${tip} tell=${tell}
    fallback=${html`<p class="quiet">The graph could not be drawn. Its figures are in the table.</p>`} />`;
}

/** @param {import("./usage_series.js").Cell | undefined} cell @param {boolean} isSpend */
const figureOf = (cell, isSpend) => (isSpend ? cell?.spend : cell?.value) ?? null;

/** @param {Series} series @param {boolean} isSpend */
function heightsOf({ cells }, isSpend) {
  return Array.from(cells, (cell) => {
    const figure = figureOf(cell, isSpend);
    return figure === null ? null : heightOf(figure);
  });
}

/**
 * The figures of a window, each with its share of the window; where there is one series, of the range.
 * @param {UsageGraphProps} props @param {number} index @returns {Row[]}
 */
function rowsAt({ usage, series, shown, question: { isSpend } }, index) {
  const isPlain = isUngrouped(series);
  const cells = isPlain ? Array.from(series[0].cells) : series.map((each) => each.cells[index]);
  const whole = isSpend || isAdditive(usage) ? cells.flatMap((cell) => figureOf(cell, isSpend) ?? []) : [];
  return shown.flatMap(({ key, name, color, cells: { [index]: cell } }) => {
    const figure = figureOf(cell, isSpend);
    if (figure === null) return [];
    const share = whole.length && !isZero(figure) ? shareOf(figure, whole) : null;
    return [{ key, name, color, figure, share: share && isPlain ? `${share} of the range` : share }];
  });
}

/** Say why there is nothing to draw, or null. @param {Series[]} series @param {boolean} isSpend */
function withoutGraph(series, isSpend) {
  if (series.length === 0) return "No usage in this range.";
  const hasNone = isSpend && series.every((each) => each.cells.every((cell) => cell?.spend == null));
  return hasNone ? "What this metric costs cannot be shared out over groups." : null;
}
