/** A graph of columns or lines. It is drawn on a canvas, and can be walked by keyboard. Chart.js comes only when needed. */
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "./html.js";
import { color } from "./theme.js";

const TIP_WIDTH = 232;
const MOST_POINTS = 62;

/**
 * @typedef {{key: string, color: string, heights: (number | null)[]}} Drawn heights only: nothing is computed with them
 * @typedef {{label: string, summary: string, windows: import("./usage_series.js").WindowLabel[], series: Drawn[], isStacked: boolean,
 *   formatTick: (value: number) => string, tip: (index: number) => any, tell: (index: number) => string, fallback: any}} GraphProps
 */

/** @type {Promise<any> | null} */
let loading = null;

/** The file sets a global, as it is no module. */
function loadChart() {
  loading ??= import("chart.js").then(
    () => /** @type {any} */ (globalThis).Chart,
    (fault) => {
      loading = null;
      throw fault;
    },
  );
  return loading;
}

/** @param {GraphProps} props */
export function Graph(props) {
  const { label, summary, windows, tip, tell, fallback } = props;
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const [hasFailed, setFailed] = useState(false);
  const chart = useChart(canvas, props, setFailed);
  const [at, setAt] = useState(/** @type {{index: number, isTold: boolean} | null} */ (null));
  if (hasFailed) return html`<div class="graph undrawn">${fallback}</div>`;
  const index = at === null ? -1 : Math.min(at.index, windows.length - 1);

  const onPointer = (/** @type {PointerEvent} */ event) => {
    const found = chart.current && indexAt(chart.current, event);
    if (found !== at?.index) setAt(found === null ? null : { index: found, isTold: false });
  };
  /** A finger that is lifted has read nothing yet. */
  const onLeave = (/** @type {PointerEvent} */ event) => event.pointerType !== "touch" && setAt(null);
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    const next = step(event.key, index, windows.length);
    if (next === null) return;
    event.preventDefault();
    setAt(next < 0 ? null : { index: next, isTold: true });
  };
  return html`<div class="graph" tabindex="0" role="group" aria-label=${`Graph of ${label}. The arrow keys walk it.`}
      onPointerMove=${onPointer} onPointerDown=${onPointer} onPointerLeave=${onLeave} onKeyDown=${onKeyDown} onBlur=${() => setAt(null)}>
    <canvas ref=${canvas} role="img" aria-label=${summary}></canvas>
    ${index >= 0 && chart.current && html`<${Tip} chart=${chart.current} index=${index}>${tip(index)}<//>`}
    <p class="hidden" aria-live="polite">${index >= 0 && at?.isTold ? tell(index) : ""}</p>
  </div>`;
}

/** Where a key leads; -1 is nowhere, null for keys that mean nothing here. @param {string} key @param {number} index @param {number} count */
function step(key, index, count) {
  const last = count - 1;
  if (key === "ArrowLeft") return index < 0 ? last : Math.max(0, index - 1);
  if (key === "ArrowRight") return index < 0 ? last : Math.min(last, index + 1);
  if (key === "Home") return 0;
  if (key === "End") return last;
  return key === "Escape" && index >= 0 ? -1 : null;
}

/** @param {any} chart @param {PointerEvent} event */
function indexAt(chart, event) {
  const { left, top } = chart.canvas.getBoundingClientRect();
  const area = chart.chartArea;
  const [x, y] = [event.clientX - left, event.clientY - top];
  if (x < area.left || x > area.right || y < area.top || y > area.bottom) return null;
  return Math.max(0, Math.min(chart.data.labels.length - 1, chart.scales.x.getValueForPixel(x)));
}

/** What is at a window, beside the line that marks it. @param {{chart: any, index: number, children?: any}} props */
function Tip({ chart, index, children }) {
  const x = chart.scales.x.getPixelForValue(index);
  const { top, bottom } = chart.chartArea;
  const beside = x > chart.width / 2 ? x - TIP_WIDTH - 10 : x + 10;
  const left = Math.max(0, Math.min(chart.width - TIP_WIDTH, beside));
  return html`<span class="graph-mark" style=${{ left: `${x}px`, top: `${top}px`, height: `${bottom - top}px` }}></span>
    <div class="graph-tip" style=${{ left: `${left}px` }}>${children}</div>`;
}

/**
 * One chart for as long as the graph is there: new figures change it in place.
 * @param {{current: HTMLCanvasElement | null}} canvas @param {GraphProps} props @param {(failed: boolean) => void} setFailed
 */
function useChart(canvas, props, setFailed) {
  const chart = useRef(/** @type {any} */ (null));
  const shown = useRef(props);
  shown.current = props;
  const [, redraw] = useState(0);
  useEffect(() => {
    let isGone = false;
    const paint = () => chart.current && draw(chart.current, shown.current);
    loadChart().then(
      (Chart) => {
        if (isGone || !canvas.current) return;
        chart.current = new Chart(canvas.current, { type: "bar", data: { labels: [], datasets: [] }, options: optionsOf() });
        paint();
        redraw((count) => count + 1);
      },
      () => isGone || setFailed(true),
    );
    addEventListener("themechange", paint);
    return () => {
      isGone = true;
      removeEventListener("themechange", paint);
      chart.current?.destroy();
      chart.current = null;
    };
  }, []);
  useEffect(() => {
    if (chart.current) draw(chart.current, props);
  }, [props.windows, props.series, props.isStacked]);
  return chart;
}

function optionsOf() {
  return {
    responsive: true,
    maintainAspectRatio: false,
    // Columns on their way to their place would be false figures.
    animation: false,
    events: [],
    plugins: { legend: { display: false }, tooltip: { enabled: false } },
    scales: {
      x: { offset: true, grid: { display: false }, ticks: { maxRotation: 0, autoSkipPadding: 14 } },
      y: { beginAtZero: true, border: { display: false }, ticks: { maxTicksLimit: 5 } },
    },
  };
}

/** Bring a chart to what is to be shown, in the colors of the theme. @param {any} chart @param {GraphProps} props */
function draw(chart, { windows, series, isStacked, formatTick }) {
  const { x, y } = chart.options.scales;
  const [quiet, line] = [color("--quiet"), color("--line")];
  chart.options.font = { family: getComputedStyle(document.body).fontFamily, size: 12 };
  Object.assign(x, { stacked: isStacked, border: { color: line } });
  Object.assign(y, { stacked: isStacked, grid: { color: line } });
  Object.assign(x.ticks, { color: quiet });
  const isWhole = series.every((each) => each.heights.every((height) => Number.isInteger(height ?? 0)));
  Object.assign(y.ticks, { color: quiet, callback: formatTick, precision: isWhole ? 0 : undefined });
  const partial = windows.findIndex((each) => each.isPartial);
  const drawn = new Map(chart.data.datasets.map((/** @type {any} */ each) => [each.key, each]));
  chart.data.labels = windows.map((each) => each.short);
  chart.data.datasets = series.map((each) => Object.assign(drawn.get(each.key) ?? { key: each.key }, isStacked ? columns(each, partial) : lines(each, partial)));
  chart.update();
}

/** The window that is not over yet is paler. @param {Drawn} series @param {number} partial */
function columns({ color: name, heights }, partial) {
  const full = color(name);
  const pale = full.replace(/^rgb\((.*)\)$/, "rgba($1, 0.5)");
  const shades = heights.map((_, index) => (index === partial ? pale : full));
  return { type: "bar", data: heights, backgroundColor: shades, maxBarThickness: 30, barPercentage: 0.94, categoryPercentage: 0.88, borderRadius: heights.length > MOST_POINTS ? 0 : 2 };
}

/** The way to the window that is not over yet is dashed. @param {Drawn} series @param {number} partial */
function lines({ color: name, heights }, partial) {
  const full = color(name);
  const dash = (/** @type {any} */ context) => (context.p1DataIndex === partial ? [4, 3] : undefined);
  const points = heights.filter((each) => each !== null).length;
  return { type: "line", data: heights, borderColor: full, backgroundColor: full, borderWidth: 2, spanGaps: true, segment: { borderDash: dash }, pointRadius: points > MOST_POINTS ? 0 : 2 };
}
