/** The console: signs the reader in, finds the view that the address names, and shows it inside the frame. */
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { at, get, onExpired } from "./api.js";
import { startRefreshing } from "./clock.js";
import * as credential from "./credential.js";
import { Frame } from "./frame.js";
import { html } from "./html.js";
import { useLoad } from "./load.js";
import { usePlace } from "./place.js";
import { Ended, SignIn } from "./sign_in.js";
import { loadStyle } from "./styles.js";
import { startTheme } from "./theme.js";
import { Failure, Skeleton } from "./ui.js";
import { isOperator, viewOf } from "./views.js";

function App() {
  const [known, setKnown] = useState(credential.current());
  const [isExpired, setExpired] = useState(false);
  const [typed, setTyped] = useState(/** @type {string | null} */ (null));
  useEffect(() => onExpired(() => setExpired(true)), []);
  useEffect(() => {
    const arrive = () => {
      if (!credential.takeFromAddress()) return;
      setExpired(false);
      setKnown(credential.current());
    };
    addEventListener("hashchange", arrive);
    return () => removeEventListener("hashchange", arrive);
  }, []);
  const enter = (/** @type {string} */ given) => {
    credential.keep(given);
    setExpired(false);
    setKnown(credential.current());
    setTyped(credential.current());
  };
  const leave = () => {
    credential.forget();
    setKnown(null);
    setExpired(false);
  };
  const isOut = known === null || isExpired;
  useEffect(() => {
    if (isOut) document.title = "Billing";
  }, [isOut]);
  if (known === null) return html`<${SignIn} onEnter=${enter} />`;
  if (isExpired) return html`<${Ended} isTyped=${known === typed} onEnter=${enter} />`;
  return html`<${SignedIn} key=${known} onLeave=${leave} />`;
}

/** @param {{onLeave: () => void}} props */
function SignedIn({ onLeave }) {
  const session = useLoad((signal) => get("session", {}, signal), []);
  if (session.value) return html`<${Console} session=${session.value} onLeave=${onLeave} />`;
  return html`<main class="alone"><h1>Billing</h1>${session.problem && !session.isLoading ? html`<${Failure} problem=${session.problem} retry=${session.retry} what="The console" /><p><button type="button" onClick=${onLeave}>Sign out</button></p>` : html`<${Skeleton} lines=${5} />`}</main>`;
}

/** @param {{session: import("./views.js").Session, onLeave: () => void}} props */
function Console({ session, onLeave }) {
  const place = usePlace();
  const view = viewOf(session, place);
  const id = session.organization ?? place.org ?? null;
  return html`<${OfOrganization} key=${id} id=${id} session=${session} place=${place} view=${view} onLeave=${onLeave} />`;
}

/** @param {{id: string | null, session: import("./views.js").Session, place: import("./place.js").Place, view: import("./views.js").View, onLeave: () => void}} props */
function OfOrganization({ id, session, place, view, onLeave }) {
  const loaded = useLoad((signal) => (id === null ? Promise.resolve(null) : get(at`organizations/${id}`, {}, signal)), [id]);
  const needsOrganization = view.group !== "operator";
  let content;
  if (needsOrganization && loaded.value == null) {
    content = loaded.problem && !loaded.isLoading ? html`<${Failure} problem=${loaded.problem} retry=${loaded.retry} what="The organization" />` : html`<${Skeleton} lines=${6} />`;
  } else {
    content = html`<${Lazy} key=${view.name} view=${view} session=${session} organization=${needsOrganization ? loaded.value : null} place=${place} />`;
  }
  const shown = loaded.value ?? (id === null ? null : { id, name: id });
  return html`<${Frame} session=${session} organization=${shown} view=${view} isOperator=${isOperator(session)} onLeave=${onLeave}>${content}<//>`;
}

/**
 * A view, whose module and style sheets are fetched when it is first seen.
 * @param {import("./views.js").ViewProps & {view: import("./views.js").View}} props
 */
function Lazy({ view, ...props }) {
  const module = useLoad(() => Promise.all([view.load(), ...view.styles.map(loadStyle)]).then(([loaded]) => loaded), [view.name], { live: false });
  if (module.value) return html`<${module.value.default} ...${props} />`;
  return module.problem && !module.isLoading
    ? html`<div class="failure" role="alert"><p class="empty-title">This view could not be loaded.</p><p>The console may have been updated since this page was opened.</p>
        <button type="button" onClick=${() => location.reload()}>Load the page again</button></div>`
    : html`<${Skeleton} lines=${6} />`;
}

startTheme();
credential.takeFromAddress();
startRefreshing();
render(html`<${App} />`, /** @type {HTMLElement} */ (document.getElementById("console")));
