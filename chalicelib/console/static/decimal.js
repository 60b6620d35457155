/**
 * Decimals as the API writes them: text such as "-1234.50". Nothing here goes through a number, so nothing is lost of
 * 18 digits; what is computed is computed with whole numbers of any size.
 */

const FORM = /^(-?)(\d+)(?:\.(\d+))?$/;
const MINUS = "\u2212";

/** @param {string} text */
function partsOf(text) {
  const found = FORM.exec(text);
  if (found === null) throw new TypeError(`not a decimal: ${text}`);
  return { isNegative: found[1] === "-", whole: found[2], fraction: found[3] ?? "" };
}

/** Scale to a whole number with `places` decimals; digits beyond them must not be there. @param {string} text @param {number} places */
function scaled(text, places) {
  const { isNegative, whole, fraction } = partsOf(text);
  const units = BigInt(whole + fraction.padEnd(places, "0"));
  return isNegative ? -units : units;
}

/** @param {string[]} texts */
const placesOf = (texts) => Math.max(0, ...texts.map((text) => partsOf(text).fraction.length));

/** @param {bigint} units @param {number} places */
function written(units, places) {
  const digits = (units < 0n ? -units : units).toString().padStart(places + 1, "0");
  const split = digits.length - places;
  return (units < 0n ? "-" : "") + digits.slice(0, split) + (places ? `.${digits.slice(split)}` : "");
}

/** Add up, with as many decimals as the longest of them; "0" of none. @param {string[]} texts */
export function sum(texts) {
  const places = placesOf(texts);
  return written(texts.reduce((total, text) => total + scaled(text, places), 0n), places);
}

/** @param {string} text */
export const negated = (text) => (isZero(text) ? text : text.startsWith("-") ? text.slice(1) : `-${text}`);

/** @param {string} text */
export const isZero = (text) => /^-?0+(\.0+)?$/.test(text);

/** @param {string} text */
export const isNegative = (text) => text.startsWith("-") && !isZero(text);

/** Below 0, 0 or above 0, as for `sort`. @param {string} left @param {string} right */
export function compare(left, right) {
  const places = placesOf([left, right]);
  const difference = scaled(left, places) - scaled(right, places);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/**
 * How much one is of another, in percent with `places` decimals, rounded half away from zero; null of nothing.
 * @param {string} part @param {string} whole @param {number} [places] @returns {string | null}
 */
export function percentOf(part, whole, places = 0) {
  if (isZero(whole)) return null;
  const scale = placesOf([part, whole]);
  const over = scaled(part, scale) * 100n * 10n ** BigInt(places);
  const under = scaled(whole, scale);
  const isBelow = over < 0n !== under < 0n;
  const [top, bottom] = [over < 0n ? -over : over, under < 0n ? -under : under];
  const rounded = (top * 2n + bottom) / (bottom * 2n);
  return written(isBelow ? -rounded : rounded, places);
}

/** The change from one to another in percent, such as "12.5"; null from nothing. @param {string} from @param {string} to */
export function changePercent(from, to) {
  return isZero(from) ? null : percentOf(sum([to, negated(from)]), from.replace("-", ""), 1);
}

/** @param {string} digits */
const grouped = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ",");

/** Write with groups of three digits: "−1,234.50". All digits are kept. @param {string} text */
export function formatDecimal(text) {
  const { isNegative: below, whole, fraction } = partsOf(text);
  return (below ? MINUS : "") + grouped(whole) + (fraction && `.${fraction}`);
}

/**
 * Write with at most `places` decimals, rounded half away from zero. Only beside the exact value.
 * @param {string} text @param {number} [places]
 */
export function formatShort(text, places = 2) {
  const { isNegative: below, whole, fraction } = partsOf(text);
  if (fraction.length <= places) return formatDecimal(text);
  const units = BigInt(whole + fraction.slice(0, places)) + (fraction[places] >= "5" ? 1n : 0n);
  if (units === 0n) return isZero(text) ? "0" : `${below ? MINUS : ""}<${written(1n, places)}`;
  const short = written(units, places);
  return formatDecimal((below ? "-" : "") + (places ? short.replace(/\.?0+$/, "") : short));
}

/**
 * Write money with its currency, with exactly the decimals that the API gave: "$1,234.50", "−¥1,500", "CHF 3.20".
 * @param {string} amount @param {string} currency ISO 4217
 */
export function formatMoney(amount, currency) {
  const { isNegative: below, whole, fraction } = partsOf(amount);
  const sign = symbolOf(currency);
  return (below ? MINUS : "") + sign + (/[A-Za-z]$/.test(sign) ? "\u00a0" : "") + grouped(whole) + (fraction && `.${fraction}`);
}

/** @type {Map<string, string>} */
const symbols = new Map();

/** @param {string} currency */
function symbolOf(currency) {
  if (!symbols.has(currency)) {
    let symbol = currency;
    try {
      const parts = new Intl.NumberFormat("en", { style: "currency", currency }).formatToParts(0);
      symbol = parts.find((part) => part.type === "currency")?.value ?? currency;
    } catch {
      // A code that this browser does not know is shown as it is.
    }
    symbols.set(currency, symbol);
  }
  return symbols.get(currency) ?? currency;
}

/**
 * The height of a bar or a point. This is a drawing, not a figure: never show it, never compute with it.
 * @param {string} text
 */
export const heightOf = (text) => Number(text);

/** Write a number of an axis: 1.2M. @param {number} value */
export const formatAxis = (value) => new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 }).format(value);
