/** One event in a list: what became of it, its data unfolded, and how it is corrected. */
import { useState } from "preact/hooks";
import { writeExactly } from "./exact_json.js";
import { ActionButton, ActionDialog } from "./form.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { Facts, Instant } from "./operator_parts.js";
import { Link } from "./place.js";
import { Badge, capital } from "./ui.js";

const STATES = /** @type {Record<string, [import("./ui.js").Tone, string]>} */ ({
  counted: ["good", "check"],
  duplicate: ["neutral", "dot"],
  conflict: ["bad", "warning"],
  voided: ["neutral", "cross"],
  amended: ["live", "pencil"],
  unmatched: ["warn", "warning"],
});

/** The part of a line's id that says something: what follows it tells the lines of one charge apart. @param {string} line */
const chargeOf = (line) => line.split("~")[0];

/** What an event's row shows. */
export const HEAD = ["Time", "Type", "Id and source", "Meters", "State", "Billed on"];

/** @param {{event: any, timezone: string, canAct: boolean}} props */
export function EventRow({ event, timezone, canAct }) {
  const [isOpen, open] = useState(false);
  const [tone, icon] = STATES[event.state] ?? ["neutral", "dot"];
  const to = event.billed_on && { view: "invoices", invoice: event.billed_on.invoice, line: event.billed_on.line };
  return html`<tr class=${isOpen ? "open" : ""}>
      <td class="event-when"><button type="button" class="plain event-unfold" aria-expanded=${isOpen} aria-label=${`Event ${event.id}`} onClick=${() => open(!isOpen)}><${Icon} name=${isOpen ? "down" : "right"} /></button><${Instant} at=${event.time} timezone=${timezone} /></td>
      <td class="text" dir="auto">${event.type}</td>
      <td class="name"><bdi class="event-id">${event.id}</bdi><br /><small class="quiet" dir="auto">${event.source}</small></td>
      <td>${event.meters.length === 0 ? html`<span class="quiet">none</span>` : html`<ul class="event-meters">${event.meters.map(
        (/** @type {any} */ each) => html`<li key=${each.meter}>${each.usable ? html`<code>${each.meter}</code>` : html`<${Badge} tone="warn" icon="warning">${each.meter}: not usable<//>`}</li>`)}</ul>`}</td>
      <td><${Badge} tone=${tone} icon=${icon}>${capital(event.state)}<//></td>
      <td class="event-line">${to ? html`<${Link} to=${to} title=${event.billed_on.line}>${chargeOf(event.billed_on.line)}<//>` : html`<span class="quiet">–</span>`}</td></tr>
    ${isOpen && html`<tr class="event-unfolded"><td colspan=${HEAD.length}><${Unfolded} event=${event} timezone=${timezone} canAct=${canAct} /></td></tr>`}`;
}

/** @param {{event: any, timezone: string, canAct: boolean}} props */
function Unfolded({ event, timezone, canAct }) {
  const canCorrect = canAct && !["duplicate", "conflict", "voided"].includes(event.state);
  return html`<div class="event-content"><${Facts} facts=${[
      ["Time", html`<code>${event.time}</code>`],
      ["Received", html`<${Instant} at=${event.received_at} timezone=${timezone} />`],
      ["Billed on", event.billed_on && html`<code>${event.billed_on.invoice}</code>`],
      ["Voided because", event.void_reason],
      ["Amended because", event.amend_reason],
    ]} />
    <${Json} title="Data" value=${event.data} />
    ${event.original_data && html`<${Json} title="Data before it was amended" value=${event.original_data} />`}
    ${event.extensions && html`<${Json} title="Extensions" value=${event.extensions} />`}
    ${canCorrect && html`<div class="actions"><${Amend} event=${event} /><${Void} event=${event} /></div>`}</div>`;
}

/** @param {{title: string, value: any}} props */
function Json({ title, value }) {
  return html`<p class="quiet">${title}</p><pre class="json" tabindex="0" aria-label=${title} role="group">${writeExactly(value)}</pre>`;
}

/** @type {import("./form.js").Field} */
const REASON = { pointer: "/reason", label: "Reason", required: true, kind: "area", help: "Stands beside the event for good." };

/** @param {any} event @param {Record<string, string>} values */
const target = (event, values) => ({ organization: event.subject, source: event.source, id: event.id, time: event.time, reason: values["/reason"] });

/** @param {{event: any}} props */
function Void({ event }) {
  return html`<${ActionButton} label="Void" dialog=${(/** @type {() => void} */ close) => html`<${ActionDialog} title="Void the event" action="Void" isGrave path="events/void" fields=${[REASON]}
    body=${(/** @type {any} */ values) => target(event, values)} onClose=${close}
    effect=${html`Takes the event <bdi>${event.id}</bdi> back for good: usage and drafts are without it at once. What a finalized invoice billed for it is given back on the next one.`} />`} />`;
}

/** @param {{event: any}} props */
function Amend({ event }) {
  /** @type {import("./form.js").Field[]} */
  const fields = [{ pointer: "/data", label: "Data (JSON)", kind: "json", required: true, value: writeExactly(event.data) }, REASON];
  return html`<${ActionButton} label=${html`<${Icon} name="pencil" />Amend`} dialog=${(/** @type {() => void} */ close) => html`<${ActionDialog} title="Amend the event" action="Amend" path="events/amend" fields=${fields}
    body=${(/** @type {any} */ values) => ({ ...target(event, values), data: JSON.parse(values["/data"]) })} onClose=${close}
    effect=${html`Replaces the data of the event <bdi>${event.id}</bdi>: usage and drafts follow at once. A finalized invoice is not changed; the difference is on the next one.`} />`} />`;
}
