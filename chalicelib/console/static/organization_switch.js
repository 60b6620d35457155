/** Where an operator chooses whose billing to look at, among any number of organizations. */
import { useState } from "preact/hooks";
import { get } from "./api.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { useLoad } from "./load.js";
import { Link } from "./place.js";
import { Dialog, Loaded } from "./ui.js";

const SHOWN = 50;

/** What belongs to one organization alone, and so leaves the address with it. */
export const OF_ORGANIZATION = { invoice: null, line: null, group: null, meter: null, events: null };

/** @param {{organization: any}} props */
export function OrganizationSwitch({ organization }) {
  const [isOpen, setOpen] = useState(false);
  return html`<button type="button" class="plain switch" aria-haspopup="dialog" aria-label=${organization ? `${organization.name}. Switch organization` : "Choose an organization"} onClick=${() => setOpen(true)}>
      <span class="organization-name" dir="auto">${organization?.name ?? "Choose an organization"}</span><${Icon} name="down" /></button>
    ${isOpen && html`<${Search} current=${organization?.id} onClose=${() => setOpen(false)} />`}`;
}

/** @param {{current?: string, onClose: () => void}} props */
function Search({ current, onClose }) {
  const [text, setText] = useState("");
  const found = useLoad((signal) => get("organizations", { q: text.trim(), limit: SHOWN }, signal), [text.trim()], { live: false });
  return html`<${Dialog} title="Switch organization" onClose=${onClose} class="switcher">
    <label class="search"><${Icon} name="search" /><span class="hidden">Search by name</span>
      <input type="search" placeholder="Search by name" value=${text} onInput=${(/** @type {any} */ event) => setText(event.currentTarget.value)} /></label>
    <${Loaded} loaded=${found} what="The organizations" lines=${4}>
      ${(/** @type {any} */ page) =>
        page.data.length === 0
          ? html`<p class="quiet">No organization has such a name.</p>`
          : html`<ul class="choices">${page.data.map(
              (/** @type {any} */ each) => html`<li key=${each.id}><${Link} to=${{ ...OF_ORGANIZATION, org: each.id, view: "usage" }} onFollow=${onClose} aria-current=${each.id === current ? "true" : null}>
                <span dir="auto">${each.name}</span><small>${each.id} · ${each.currency}</small><//></li>`,
            )}</ul>${page.next_cursor && html`<p class="quiet">The first ${SHOWN}; type to find others.</p>`}`}
    <//>
  <//>`;
}
