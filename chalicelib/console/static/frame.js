/** What is around every view: header, navigation, tabs, and how fresh the figures are. */
import { useEffect, useRef, useState } from "preact/hooks";
import { refresh, useAsOf, useOnline } from "./clock.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { OrganizationSwitch } from "./organization_switch.js";
import { Link } from "./place.js";
import { setTheme, theme } from "./theme.js";
import { formatTime } from "./time.js";
import { Menu, Segments } from "./ui.js";
import { VIEWS, maySee } from "./views.js";

/**
 * @param {{session: import("./views.js").Session, organization: any, view: import("./views.js").View, isOperator: boolean,
 *   onLeave: () => void, children?: any}} props
 */
export function Frame({ session, organization, view, isOperator, onLeave, children }) {
  const main = useRef(/** @type {HTMLElement | null} */ (null));
  useTitle(organization, view, main);
  const skip = (/** @type {Event} */ event) => {
    event.preventDefault();
    main.current?.focus();
  };
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <header class="top">
      <div class="brand">
        ${isOperator
          ? html`<${OrganizationSwitch} organization=${organization} />`
          : html`<span class="organization-name" dir="auto">${organization?.name}</span>`}
      </div>
      <${Freshness} />
      <${Profile} session=${session} hasOrganization=${organization !== null} onLeave=${onLeave} />
    </header>
    <${Offline} />
    <div class="body">
      <${Navigation} session=${session} view=${view} organization=${organization} />
      <main id="main" tabindex="-1" ref=${main}>
        ${view.group === "billing"
          ? html`<h1>Billing</h1><${Tabs} view=${view} />`
          : html`<h1>${view.title}</h1>`}
        ${children}
      </main>
    </div>`;
}

let wasSeen = false;

/** Name the page after its view, and move to its top when the view changes. @param {any} organization @param {import("./views.js").View} view @param {{current: HTMLElement | null}} main */
function useTitle(organization, view, main) {
  const isFirst = useRef(true);
  // Another organization makes the whole frame anew, and what had the keyboard is gone.
  useEffect(() => {
    const title = view.group === "billing" ? `${view.title} · Billing` : view.title;
    document.title = organization ? `${title} · ${organization.name}` : title;
  }, [view.name, organization?.name]);
  useEffect(() => {
    if (wasSeen && (!isFirst.current || document.activeElement === document.body)) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
    wasSeen = true;
  }, [view.name]);
}

/** @param {{view: import("./views.js").View}} props */
function Tabs({ view }) {
  return html`<nav class="tabs" aria-label="Billing">
    ${VIEWS.filter((each) => each.group === "billing").map(
      (each) => html`<${Link} key=${each.name} to=${{ view: each.name }} aria-current=${each === view ? "page" : null}>${each.title}<//>`,
    )}
  </nav>`;
}

const GROUPS = /** @type {const} */ ([
  ["settings", "Organization settings"],
  ["operator", "Operations"],
]);

/** @param {{session: import("./views.js").Session, view: import("./views.js").View, organization: any}} props */
function Navigation({ session, view, organization }) {
  const entries = (/** @type {string} */ group) => {
    const views = VIEWS.filter((each) => each.group === group && maySee(session, each));
    return group === "settings" ? [views[0], { ...VIEWS[0], title: "Billing", group: "billing" }, ...views.slice(1)] : views;
  };
  const bar = useRef(/** @type {HTMLElement | null} */ (null));
  // Where the navigation is a row that scrolls, show the place in it.
  useEffect(() => {
    const here = /** @type {HTMLElement | null} */ (bar.current?.querySelector("[aria-current]"));
    if (bar.current && here) bar.current.scrollLeft += here.getBoundingClientRect().left - bar.current.getBoundingClientRect().left - bar.current.clientWidth / 3;
  }, [view.name, organization?.id]);
  return html`<nav class="side" aria-label="Settings" ref=${bar}>
    ${GROUPS.filter(([group]) => (group === "settings" ? organization !== null : session.organization === null)).map(
      ([group, title]) => html`<div class="side-group" key=${group}><p>${title}</p><ul>
        ${entries(group).map(
          (each) => html`<li key=${each.name}><${Link} to=${{ view: each.name }} aria-current=${each.name === view.name || (each.group === "billing" && view.group === "billing") ? "page" : null}>${each.title}<//></li>`,
        )}
      </ul></div>`,
    )}
  </nav>`;
}

const ROLES = { admin: "Administrator", ingest: "Sends events only", read: "Read only" };

/** @param {{session: import("./views.js").Session, hasOrganization: boolean, onLeave: () => void}} props */
function Profile({ session, hasOrganization, onLeave }) {
  const [chosen, choose] = useState(theme());
  const pick = (/** @type {any} */ wanted) => {
    setTheme(wanted);
    choose(wanted);
  };
  return html`<${Menu} name="Profile" class="profile" label=${html`<${Icon} name="person" />`}>
    ${(/** @type {() => void} */ close) => html`
      <p class="who"><strong dir="auto">${session.name ?? "Signed in"}</strong><span>${ROLES[session.role]}</span></p>
      ${hasOrganization && html`<${Link} class="entry" to=${{ view: "organization" }} onFollow=${close}><${Icon} name="gear" />Organization Settings<//>
        <${Link} class="entry" to=${{ view: "usage" }} onFollow=${close}><${Icon} name="graph" />Billing<//>`}
      <div class="entry static"><span>Theme</span><${Segments} label="Theme" value=${chosen} onChange=${pick}
        options=${[{ value: "system", label: "System" }, { value: "light", label: "Light" }, { value: "dark", label: "Dark" }]} /></div>
      <button type="button" class="entry" onClick=${onLeave}><${Icon} name="cross" />Sign out</button>`}
  <//>`;
}

function Freshness() {
  const asOf = useAsOf();
  return html`<button type="button" class="plain freshness" onClick=${refresh} title="Refreshes every 30 seconds; press to refresh now" aria-label=${asOf ? `As of ${formatTime(asOf)}. Refresh` : "Refresh"}>
    <${Icon} name="refresh" /><span>${asOf ? html`<span class="as-of">As of </span>${formatTime(asOf)}` : "Loading"}</span></button>`;
}

function Offline() {
  const online = useOnline();
  const asOf = useAsOf();
  return html`<div role="status" aria-live="polite">
    ${!online && html`<p class="notice warn offline"><${Icon} name="offline" /><span>You are offline. ${asOf ? `The figures are as of ${formatTime(asOf)}` : "Nothing is loaded yet"}; they refresh when the connection is back.</span></p>`}
  </div>`;
}
