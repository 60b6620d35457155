/** Instants and local days, written in a time zone. The API's instants are RFC 3339 in UTC, its days YYYY-MM-DD. */

const DAY_MS = 86_400_000;

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/** @param {string} timezone @param {Intl.DateTimeFormatOptions} options */
function format(timezone, options) {
  const key = timezone + JSON.stringify(options);
  if (!formats.has(key)) {
    formats.set(key, new Intl.DateTimeFormat("en-GB", { timeZone: timezone, hourCycle: "h23", ...options }));
  }
  return /** @type {Intl.DateTimeFormat} */ (formats.get(key));
}

/** @param {string | Date} instant */
const dateOf = (instant) => (instant instanceof Date ? instant : new Date(instant));

/** "10:42 UTC" @param {string | Date} instant @param {string} [timezone] */
export const formatTime = (instant, timezone = "UTC") =>
  format(timezone, { hour: "2-digit", minute: "2-digit", timeZoneName: "short" }).format(dateOf(instant));

/** "28 Nov 2026" @param {string | Date} instant @param {string} timezone */
export const formatDate = (instant, timezone) =>
  format(timezone, { day: "numeric", month: "short", year: "numeric" }).format(dateOf(instant));

/** "28 Nov 2026, 10:42" @param {string | Date} instant @param {string} timezone */
export const formatInstant = (instant, timezone) =>
  format(timezone, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" }).format(dateOf(instant));

/** "28 Nov 2026" of a local day @param {string} day YYYY-MM-DD */
export const formatDay = (day) => formatDate(`${day}T00:00:00Z`, "UTC");

/**
 * The days of a half-open span: "1 – 30 Nov 2026", "14 Oct 2026 – 12 Jan 2027". A span that ends at a local midnight
 * ends on the day before.
 * @param {{start: string, end: string}} span @param {string} timezone
 */
export function formatSpan({ start, end }, timezone) {
  const days = format(timezone, { day: "numeric", month: "short", year: "numeric" });
  return days.formatRange(dateOf(start), new Date(Date.parse(end) - 1));
}

/** The local day at an instant: "2026-11-28" @param {string | Date} instant @param {string} timezone */
export function localDay(instant, timezone) {
  const parts = format(timezone, { year: "numeric", month: "2-digit", day: "2-digit" }).formatToParts(dateOf(instant));
  const part = (/** @type {string} */ type) => parts.find((each) => each.type === type)?.value ?? "";
  return `${part("year")}-${part("month")}-${part("day")}`;
}

/** The day that an address names; nothing where it names none. @param {string | undefined} text */
export const knownDay = (text) => (/^\d{4}-\d\d-\d\d$/.test(text ?? "") && !Number.isNaN(Date.parse(`${text}T00:00:00Z`)) ? text : undefined);

/** Go some days on, or back. @param {string} day YYYY-MM-DD @param {number} days */
export function addDays(day, days) {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** Count the days from one local day to another. @param {string} from @param {string} to */
export const daysBetween = (from, to) => Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS);

/**
 * How far an instant is ahead: "in 3 days", "in 5 hours"; "3 days ago" where it has passed.
 * @param {string} instant @param {Date} now
 */
export function formatAway(instant, now) {
  const seconds = (Date.parse(instant) - now.getTime()) / 1000;
  const words = new Intl.RelativeTimeFormat("en", { numeric: "always" });
  for (const [unit, size] of /** @type {[Intl.RelativeTimeFormatUnit, number][]} */ ([["day", 86_400], ["hour", 3600], ["minute", 60]])) {
    if (Math.abs(seconds) >= size) return words.format(Math.trunc(seconds / size), unit);
  }
  return seconds >= 0 ? "in less than a minute" : "just now";
}
