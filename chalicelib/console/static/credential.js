/**
 * The reader's credential: a portal token or an API key. It arrives in the fragment of the address, which no server
 * sees, leaves the address at once, and lives as long as the browser's tab.
 */

const NAME = "meterfold.credential";

/** Where a page may not keep anything (a frame without storage), the credential lives until the page is reloaded. */
let kept = /** @type {string | null} */ (null);

/** Take the credential of `#token=…` or `#key=…` out of the address, and tell whether there was one. */
export function takeFromAddress() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const found = fragment.get("token") ?? fragment.get("key");
  if (found !== null) {
    history.replaceState(history.state, "", location.pathname + location.search);
    keep(found);
  }
  return found !== null;
}

/** @param {string} credential */
export function keep(credential) {
  kept = credential.trim();
  try {
    sessionStorage.setItem(NAME, kept);
  } catch {
    // Without storage the page goes on with what it remembers.
  }
}

export function forget() {
  kept = null;
  try {
    sessionStorage.removeItem(NAME);
  } catch {
    // There was nothing to forget.
  }
}

/** @returns {string | null} */
export function current() {
  try {
    return kept ?? sessionStorage.getItem(NAME);
  } catch {
    return kept;
  }
}
