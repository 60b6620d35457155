/** Small parts that the cards of the Credits tab share. */
import { addDays, formatInstant } from "./time.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { go } from "./place.js";

/**
 * What all cards are about.
 * @typedef {{organization: any, root: string, currency: string, timezone: string, mayAct: boolean,
 *   nameOf: (grant: string) => string, charges: import("./credit_rows.js").Charge[] | null | undefined}} Credits
 */

/** An instant in the organization's time zone. @param {{at: string, timezone: string}} props */
export const When = ({ at, timezone }) => html`<time datetime=${at}>${formatInstant(at, timezone)}</time>`;

/** A name that a person chose: of any length, in any script. @param {{name: string}} props */
export const Named = ({ name }) => html`<span class="named" dir="auto" title=${name}>${name}</span>`;

/** The name of a charge of the current plan, else its key. @param {Credits} of @param {string | null} key */
export const chargeName = (of, key) => (key === null ? "Without a charge" : of.charges?.find((charge) => charge.key === key)?.name ?? key);

/** A button that unfolds what is below it. @param {{isOpen: boolean, label: string, onToggle: () => void, children?: any}} props */
export function Unfold({ isOpen, label, onToggle, children }) {
  return html`<button type="button" class="plain unfold" aria-expanded=${isOpen} aria-label=${label} onClick=${onToggle}>
    <${Icon} name=${isOpen ? "down" : "right"} />${children}</button>`;
}

/** Take a key into a set, or out of it. @param {Set<string>} keys @param {string} key */
export function toggled(keys, key) {
  const changed = new Set(keys);
  if (!changed.delete(key)) changed.add(key);
  return changed;
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/**
 * The range of days in the address, as the API wants it: `to` is the day after the last one.
 * @param {import("./place.js").Place} place @param {string} name
 */
export function rangeOf(place, name) {
  const [from, to] = [place[`${name}_from`], place[`${name}_to`]].map((day) => (day && DAY.test(day) && !Number.isNaN(Date.parse(day)) ? day : undefined));
  return { from, to: to && addDays(to, 1), last: to, isEmpty: Boolean(from && to && from > to) };
}

/**
 * First and last day of a range, kept in the address.
 * @param {{name: string, label: string, range: ReturnType<typeof rangeOf>, clear: string}} props
 */
export function DayRange({ name, label, range, clear }) {
  const input = (/** @type {"from" | "to"} */ end, /** @type {string} */ text, /** @type {string | undefined} */ value) => html`<label class="choice"><span>${text}</span>
    <input type="date" value=${value ?? ""} aria-label=${`${label} ${end}`} aria-invalid=${range.isEmpty ? "true" : null}
      onChange=${(/** @type {any} */ event) => go({ [`${name}_${end}`]: event.currentTarget.value || null }, { replace: true })} /></label>`;
  return html`<div class="day-range" role="group" aria-label=${label}>
    ${input("from", "From", range.from)}${input("to", "To", range.last)}
    ${(range.from || range.last) && html`<button type="button" class="plain" onClick=${() => go({ [`${name}_from`]: null, [`${name}_to`]: null }, { replace: true })}>${clear}</button>`}
    ${range.isEmpty && html`<p class="fault" role="alert"><${Icon} name="warning" /><span>The first day lies after the last one.</span></p>`}
  </div>`;
}
