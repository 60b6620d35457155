/** From an answer of the API to what is drawn and listed: the windows in order, and a series for each group. */
import { compare, percentOf, sum } from "./decimal.js";
import { addDays, localDay } from "./time.js";

const ADDITIVE = ["count", "sum", "time_weighted"];
const HOUR_MS = 3_600_000;
const COLORS = 10;

/**
 * @typedef {{key: string, short: string, long: string, isPartial: boolean}} WindowLabel
 * @typedef {{windows: WindowLabel[], places: Map<string, number>}} Axis `places`: by the `start` of the API
 * @typedef {{value: string, spend?: string | null}} Cell
 * @typedef {{key: string, name: string, isRest: boolean, cells: (Cell | undefined)[], color: string}} Series
 */

/** Whether the quantities of groups add up to that of all. @param {any} usage */
export const isAdditive = (usage) => ADDITIVE.includes(usage.aggregation);

/** @type {WeakMap<any, Axis>} */
const axes = new WeakMap();

/** The windows of an answer, also those without usage. @param {any} answer @returns {Axis} */
export function axisOf(answer) {
  const known = axes.get(answer) ?? makeAxis(answer);
  axes.set(answer, known);
  return known;
}

/** @param {any} answer @returns {Axis} */
function makeAxis(answer) {
  const keyOf = keysOf(answer);
  const starts = [...new Set(answer.data.flatMap((/** @type {any} */ usage) => usage.windows.map((/** @type {any} */ each) => each.start)))];
  const keyed = starts.map((start) => [start, keyOf(start)]);
  const keys = [...new Set([...enumerated(answer, keyOf), ...keyed.map(([, key]) => key)])].sort();
  const isOpen = Date.parse(answer.to) > Date.parse(answer.as_of);
  const current = isOpen ? keys.findLastIndex((key) => key <= keyOf(answer.as_of)) : -1;
  const [short, long] = labelsOf(answer);
  const windows = keys.map((key, index) => ({ key, short: short(key), long: long(key), isPartial: index === current }));
  const places = new Map(keys.map((key, index) => [key, index]));
  return { windows, places: new Map(keyed.map(([start, key]) => [start, places.get(key) ?? 0])) };
}

/** Name windows so that their names sort by time: a local day, a local month, or the instant of an hour. @param {any} answer @returns {(start: string) => string} */
function keysOf({ window, timezone }) {
  if (window === "hour") return (start) => start;
  return (start) => localDay(start, timezone).slice(0, window === "month" ? 7 : 10);
}

/** Walk the windows of the range, for grouped answers list only those with usage. @param {any} answer @param {(start: string) => string} keyOf */
function enumerated({ from, to, window, timezone }, keyOf) {
  const keys = [];
  const end = Date.parse(to);
  if (window === "hour") {
    const minute = Number(new Intl.DateTimeFormat("en", { timeZone: timezone, minute: "numeric" }).format(new Date(from)));
    const whole = Date.parse(from) - minute * 60_000;
    for (let at = whole; at < end; at += HOUR_MS) keys.push(at < Date.parse(from) ? from : new Date(at).toISOString().replace(".000", ""));
    return keys;
  }
  const last = localDay(new Date(end - 1), timezone);
  for (let day = localDay(from, timezone); day <= last; day = addDays(day, 1)) keys.push(day.slice(0, keyOf(from).length));
  return keys;
}

/** @param {any} answer @returns {((key: string) => string)[]} */
function labelsOf({ window, timezone }) {
  const day = /** @type {const} */ ({ day: "numeric", month: "short" });
  const hour = /** @type {const} */ ({ hour: "2-digit", minute: "2-digit" });
  /** @type {Record<string, Intl.DateTimeFormatOptions[]>} */
  const forms = {
    hour: [{ ...day, ...hour }, { ...day, year: "numeric", ...hour, timeZoneName: "short" }],
    day: [day, { weekday: "short", ...day, year: "numeric" }],
    month: [{ month: "short", year: "2-digit" }, { month: "long", year: "numeric" }],
  };
  return forms[window].map((form) => {
    const format = new Intl.DateTimeFormat("en-GB", { timeZone: window === "hour" ? timezone : "UTC", hourCycle: "h23", ...form });
    return (key) => format.format(new Date(key.length === 7 ? `${key}-01` : key));
  });
}

/**
 * The groups of a meter, greatest first and the rest last; one series where nothing is grouped.
 * @param {any} usage @param {Axis} axis @param {{dimensions: string[], palette: Map<string, number>}} options
 * @returns {Series[]}
 */
export function seriesOf(usage, axis, { dimensions, palette }) {
  /** @type {Map<string, Series>} */
  const found = new Map();
  for (const row of usage.windows) {
    const values = dimensions.map((name) => row.group?.[name] ?? "");
    const key = row.rest ? "rest" : JSON.stringify(values);
    let series = found.get(key);
    if (series === undefined) {
      const name = row.rest ? "Other" : values.map((value, index) => value || `no ${dimensions[index]}`).join(" · ");
      series = { key, name, isRest: row.rest === true, cells: Array(axis.windows.length), color: "" };
      found.set(key, series);
    }
    series.cells[axis.places.get(row.start) ?? 0] = row;
  }
  const ordered = [...found.values()];
  const weights = new Map(ordered.map((each) => [each, weightOf(each, isAdditive(usage))]));
  const weight = (/** @type {Series} */ each) => weights.get(each) ?? "0";
  ordered.sort((one, other) => Number(one.isRest) - Number(other.isRest) || compare(weight(other), weight(one)) || (one.key < other.key ? -1 : 1));
  paint(ordered, dimensions.length ? palette : new Map());
  return ordered;
}

/** What a group is sorted by: its total, or where that says nothing its greatest value. @param {Series} series @param {boolean} addsUp */
function weightOf({ cells }, addsUp) {
  const values = cells.flatMap((cell) => (cell ? [cell.value] : []));
  return addsUp ? sum(values) : values.reduce((most, each) => (compare(each, most) > 0 ? each : most), values[0] ?? "0");
}

/** Give each group a color of its own, the same on every card and after every refresh. @param {Series[]} series @param {Map<string, number>} palette */
function paint(series, palette) {
  const named = series.filter((each) => !each.isRest);
  const number = (/** @type {Series} */ each) => /** @type {number} */ (palette.get(each.key));
  for (const each of named) if (!palette.has(each.key)) palette.set(each.key, palette.size);
  const taken = new Set();
  for (const each of [...named].sort((one, other) => number(one) - number(other))) {
    let slot = number(each) % COLORS;
    while (taken.has(slot) && taken.size < COLORS) slot = (slot + 1) % COLORS;
    taken.add(slot);
    each.color = `--series-${slot + 1}`;
  }
  for (const each of series) if (each.isRest) each.color = "--series-rest";
}

/** Whether a meter has none of the dimensions, so that its one series is the plain one. @param {Series[]} series */
export const isUngrouped = (series) => series.length === 1 && !series[0].isRest && /^\[(""(,"")*)?\]$/.test(series[0].key);

/** How much a part is of some, in percent; null where that says nothing. @param {string} part @param {string[]} whole */
export function shareOf(part, whole) {
  const percent = percentOf(part, sum(whole), 1);
  return percent === null ? null : `${percent}%`;
}
