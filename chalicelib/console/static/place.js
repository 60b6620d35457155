/**
 * The place in the console: what the address says after `?`. Every tab, range, group and selection is in it, so the
 * back button, a reload and a shared address find the same page again.
 */
import { useEffect, useState } from "preact/hooks";
import { html } from "./html.js";

/** @typedef {Record<string, string>} Place */
/** @typedef {Record<string, string | null | undefined>} Changes null takes a parameter out */

/** @type {Set<() => void>} */
const listeners = new Set();
addEventListener("popstate", () => listeners.forEach((listener) => listener()));

/** @returns {Place} */
function read() {
  return Object.fromEntries(new URLSearchParams(location.search));
}

/** Write the address of this place with some changes. @param {Changes} changes */
export function hrefOf(changes) {
  const params = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "") params.delete(name);
    else params.set(name, value);
  }
  const query = params.toString();
  return location.pathname + (query && `?${query}`);
}

/**
 * Go there. `replace` leaves no step behind for the back button.
 * @param {Changes} changes @param {{replace?: boolean}} [options]
 */
export function go(changes, { replace = false } = {}) {
  const href = hrefOf(changes);
  if (href === location.pathname + location.search) return;
  if (replace) history.replaceState(null, "", href);
  else history.pushState(null, "", href);
  listeners.forEach((listener) => listener());
}

/** The place, kept current. @returns {Place} */
export function usePlace() {
  const [place, set] = useState(read);
  useEffect(() => {
    const listener = () => set(read());
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, []);
  return place;
}

/**
 * A link to this place with some changes; it is a real one, so it opens in a new tab too.
 * @param {{to: Changes, children?: any, onFollow?: () => void, [attribute: string]: any}} props
 */
export function Link({ to, children, onFollow, ...attributes }) {
  /** @param {MouseEvent} event */
  const follow = (event) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    onFollow?.();
    go(to);
  };
  return html`<a href=${hrefOf(to)} onClick=${follow} ...${attributes}>${children}</a>`;
}
