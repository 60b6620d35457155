/**
 * JSON with the numbers of other people, such as the data of events: a browser's number holds 15 digits, theirs may
 * have more. Numbers that it cannot hold are kept as marked text, and written again as they came.
 */
import { compare } from "./decimal.js";

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const MARK = "\uE000";
const MARKED = new RegExp(`"${MARK}([-+.eE0-9]+)"`, "g");

/** @param {string} token */
function isExact(token) {
  try {
    return compare(token, JSON.stringify(Number(token))) === 0;
  } catch {
    return false; // Written with an exponent, here or by the browser.
  }
}

/** @param {string} token */
const isInexact = (token) => token[0] !== '"' && !isExact(token);

/** List the numbers in a JSON text that would be sent as others. @param {string} text */
export const inexactNumbers = (text) => (text.match(TOKEN) ?? []).filter(isInexact);

/** Parse without losing a digit. @param {string} text @returns {any} */
export const parseExactly = (text) => JSON.parse(text.replace(TOKEN, (token) => (isInexact(token) ? `"${MARK}${token}"` : token)));

/** Write what was parsed exactly, in lines. @param {any} value */
export const writeExactly = (value) => JSON.stringify(value, null, 2).replace(MARKED, "$1");
