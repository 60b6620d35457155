/** Where a reader without a credential, or with one that has ended, comes in. */
import { useState } from "preact/hooks";
import { html } from "./html.js";
import { Icon } from "./icons.js";

/** @param {{onEnter: (credential: string) => void}} props */
export function SignIn({ onEnter }) {
  return html`<main class="alone">
    <h1>Billing</h1>
    <p>Open this page from your product: <em>profile → Organization Settings → Billing</em>. The link there signs you in.</p>
    <${KeyForm} onEnter=${onEnter} />
  </main>`;
}

/** @param {{isTyped: boolean, onEnter: (credential: string) => void}} props */
export function Ended({ isTyped, onEnter }) {
  if (isTyped) {
    return html`<main class="alone">
      <h1>This key is not valid</h1>
      <p role="status">It was not copied whole, or has been revoked.</p>
      <${KeyForm} onEnter=${onEnter} />
    </main>`;
  }
  return html`<main class="alone">
    <h1>Your session has ended</h1>
    <p role="status">For safety a link to this page works for a limited time. Open the Billing page again from your product; this page will be where you left it.</p>
    <${KeyForm} onEnter=${onEnter} />
  </main>`;
}

/** @param {{onEnter: (credential: string) => void}} props */
function KeyForm({ onEnter }) {
  const [key, setKey] = useState("");
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (key.trim()) onEnter(key);
  };
  return html`<form class="key-form" onSubmit=${submit}>
    <label for="key">Operators: sign in with an API key</label>
    <div class="row"><input id="key" type="password" autocomplete="off" spellcheck=${false} placeholder="mf_admin_…" value=${key}
        onInput=${(/** @type {any} */ event) => setKey(event.currentTarget.value)} required />
      <button type="submit" class="primary"><${Icon} name="right" />Sign in</button></div>
    <p class="help">It is kept in this browser tab only, until the tab is closed.</p>
  </form>`;
}
