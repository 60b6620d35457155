/** What the address asks for, as the API is asked: range, window, group, spend. Limits are told before asking. */
import { addDays, daysBetween, formatDay, localDay } from "./time.js";

const PRESETS = [7, 30, 90];
const DEFAULT_DAYS = 30;
const DEFAULT_HISTORY_DAYS = 90;
const MOST_DAYS = 1100;
const MOST_DAYS_BY_HOUR = 31;

/**
 * @typedef {{value: string, label: string, reason: string | null, from: string, to: string, firstDay: string, lastDay: string}} RangeChoice
 * `from` and `to` as the API takes them (half-open), the days as they are read (inclusive, local)
 * @typedef {{today: string, timezone: string, limit: number | null, subscription: any, isKnown: boolean}} Bounds
 * `limit`: how many days back may be seen, null where all of them; `isKnown`: whether that and the periods are known yet
 * @typedef {{id: string, params: Record<string, any>, range: RangeChoice, window: "hour" | "day" | "month", dimensions: string[],
 *   isSpend: boolean, hasZero: boolean, isTable: boolean}} Question
 */

/** Pick the subscription whose periods and plan count: the current one, or the last. @param {any[]} subscriptions */
export function currentOf(subscriptions) {
  const begun = subscriptions.filter((each) => each.status !== "scheduled").sort((one, other) => (one.start < other.start ? 1 : -1));
  return begun.find((each) => each.status !== "ended") ?? begun[0] ?? null;
}

/** How many days back an organization's own readers see. @param {any} subscription */
export const historyDays = (subscription) => subscription?.usage_history_days ?? DEFAULT_HISTORY_DAYS;

/** The first day that may be seen. @param {Bounds} bounds */
export const firstDayOf = ({ today, limit }) => (limit === null ? null : addDays(today, 1 - limit));

/** The range that needs no word in the address. @param {Bounds} bounds */
export const defaultRange = ({ limit }) => String(Math.min(DEFAULT_DAYS, limit ?? DEFAULT_DAYS));

/** Say why a range may not begin on a day. @param {string} day @param {Bounds} bounds */
function beyond(day, bounds) {
  const first = firstDayOf(bounds);
  return first !== null && day < first ? `Your plan shows the last ${bounds.limit} days, from ${formatDay(first)}.` : null;
}

/** @param {number} days @param {Bounds} bounds @returns {RangeChoice} */
function lastDays(days, bounds) {
  const firstDay = addDays(bounds.today, 1 - days);
  const to = addDays(bounds.today, 1);
  return { value: String(days), label: days === 1 ? "1 day" : `${days} days`, reason: beyond(firstDay, bounds), from: firstDay, to, firstDay, lastDay: bounds.today };
}

/** A billing period, as far as it has come. @param {string} value @param {string} label @param {{start: string, end: string}} period @param {Bounds} bounds @returns {RangeChoice} */
function periodRange(value, label, period, bounds) {
  const { today, timezone } = bounds;
  const isEnded = localDay(period.end, timezone) <= today;
  const firstDay = localDay(period.start, timezone);
  const lastDay = isEnded ? localDay(new Date(Date.parse(period.end) - 1), timezone) : today;
  return { value, label, reason: beyond(firstDay, bounds), from: period.start, to: isEnded ? period.end : addDays(today, 1), firstDay, lastDay };
}

/** What has its place already, so that nothing moves when it comes. @param {string} value @param {string} label @returns {RangeChoice} */
const unknownRange = (value, label) => ({ value, label, reason: "It is being loaded.", from: "", to: "", firstDay: "", lastDay: "" });

/** The ranges to choose from. @param {Bounds} bounds */
export function rangesOf(bounds) {
  const { limit, subscription } = bounds;
  const days = limit === null ? PRESETS : [...new Set([...PRESETS, Math.min(limit, MOST_DAYS)])].sort((one, other) => one - other);
  const found = days.map((each) => lastDays(each, bounds));
  if (!bounds.isKnown) return [...found, unknownRange("period", "This period"), unknownRange("last_period", "Last period")];
  if (subscription?.current_period) found.push(periodRange("period", "This period", subscription.current_period, bounds));
  if (subscription?.previous_period) found.push(periodRange("last_period", "Last period", subscription.previous_period, bounds));
  return found;
}

/** Say what is wrong with days that a reader chose, or null. @param {string} from @param {string} to inclusive @param {Bounds} bounds */
export function customFault(from, to, bounds) {
  if (!isDay(from) || !isDay(to)) return "Give both days.";
  if (from > to) return "The first day must not lie after the last.";
  if (to > bounds.today) return `The last day must not lie after today, ${formatDay(bounds.today)}.`;
  if (daysBetween(from, to) >= MOST_DAYS) return `A range has at most ${MOST_DAYS} days.`;
  return beyond(from, bounds);
}

/** @param {string | undefined} text */
const isDay = (text) => /^\d{4}-\d\d-\d\d$/.test(text ?? "") && !Number.isNaN(Date.parse(`${text}T00:00:00Z`));

/** @param {import("./place.js").Place} place @param {Bounds} bounds @returns {RangeChoice} */
function rangeOf(place, bounds) {
  const wanted = place.range ?? defaultRange(bounds);
  if (wanted === "custom") {
    const [firstDay, lastDay] = [place.from ?? "", place.to ?? ""];
    const reason = customFault(firstDay, lastDay, bounds);
    return { value: "custom", label: "Custom", reason, from: firstDay, to: reason ? "" : addDays(lastDay, 1), firstDay, lastDay };
  }
  const known = rangesOf(bounds).find((each) => each.value === wanted);
  if (known) return known;
  const days = /^\d{1,4}$/.test(wanted) ? Number(wanted) : 0;
  return lastDays(days >= 1 && days <= MOST_DAYS ? days : Number(defaultRange(bounds)), bounds);
}

/** Say why a range is not cut into hours, or null. @param {RangeChoice} range */
export function hourFault(range) {
  const isShort = daysBetween(range.firstDay, range.lastDay) < MOST_DAYS_BY_HOUR;
  return isShort ? null : `Hours are shown for up to ${MOST_DAYS_BY_HOUR} days.`;
}

/** Read the address. @param {import("./place.js").Place} place @param {Bounds} bounds @returns {Question} */
export function questionOf(place, bounds) {
  const range = rangeOf(place, bounds);
  const window = place.window === "month" ? "month" : place.window === "hour" && !hourFault(range) ? "hour" : "day";
  const params = {
    // The API knows the default range, with the plan's limit, before this page does.
    ...(range.value === defaultRange(bounds) ? {} : { from: range.from, to: range.to }),
    window,
    group_by: place.group,
    spend: place.show === "spend" ? "true" : null,
    include_zero: place.zero === "shown" ? "true" : null,
    compare: "previous",
  };
  return {
    id: JSON.stringify(params),
    params,
    range,
    window,
    dimensions: place.group ? place.group.split(",") : [],
    isSpend: place.show === "spend",
    hasZero: place.zero === "shown",
    isTable: place.layout === "table",
  };
}
