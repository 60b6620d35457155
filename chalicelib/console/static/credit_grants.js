/** Credit details: every grant in the order of drawdown, with what became of it. */
import { useEffect, useState } from "preact/hooks";
import { ChangeExpiry, VoidGrant } from "./credit_actions.js";
import { Named, When, chargeName } from "./credit_parts.js";
import { compare, formatDecimal, isZero, percentOf, sum } from "./decimal.js";
import { Money } from "./figures.js";
import { ActionButton } from "./form.js";
import { html } from "./html.js";
import { go } from "./place.js";
import { Badge, Bar, Card, Empty, Loaded, More, Segments } from "./ui.js";

/** @typedef {import("./credit_parts.js").Credits} Credits */

const STEP = 25;

/** @type {Record<string, [import("./ui.js").Tone, string, string]>} */
const STATUSES = {
  scheduled: ["live", "clock", "Scheduled"],
  active: ["good", "check", "Active"],
  depleted: ["neutral", "dot", "Depleted"],
  expired: ["warn", "clock", "Expired"],
  voided: ["bad", "cross", "Voided"],
};
const OPEN = new Set(["scheduled", "active"]);
const PARTS = ["consumed", "pending", "held", "expired", "voided", "remaining"];
const ONLY_IF_ANY = new Set(["held", "expired", "voided"]);
/** @type {Record<string, string>} */
const EVERY = { week: "every week", month: "every month", year: "every year" };

/** @param {{of: Credits, grants: import("./credit_rows.js").Rows, filter: string | undefined}} props */
export function Grants({ of, grants, filter }) {
  const [shown, setShown] = useState(STEP);
  const isOpenOnly = filter === "open";
  const rows = grants.value?.rows.filter((grant) => !isOpenOnly || OPEN.has(grant.status)) ?? [];
  const isShort = rows.length < shown && (grants.value?.more ?? false);
  useEffect(() => {
    if (isShort && !grants.isLoading && !grants.problem) grants.showMore();
  }, [isShort, grants.isLoading, grants.problem]);
  return html`<${Card} title="Credit details" class="credit-details">
    <${Loaded} loaded=${grants} what="The grants" lines=${6}>
      ${() => grants.value?.rows.length === 0
        ? html`<${Empty} title="No credits yet">Credit that is paid or given in advance appears here, and pays for usage before anything is due.${of.mayAct && " Give some with the button above."}<//>`
        : html`<div class="toolbar"><${Segments} label="Which grants" value=${isOpenOnly ? "open" : "all"} onChange=${(/** @type {string} */ value) => go({ grants: value === "open" ? "open" : null })}
              options=${[{ value: "all", label: "All" }, { value: "open", label: "Open" }]} />
            <span class="quiet"><small>In the order of drawdown. Times in ${of.timezone}.</small></span></div>
          ${rows.length === 0 && !isShort && html`<${Empty} title="No open grants">Everything that was given is used up, has expired or was voided.<//>`}
          <ol class="grants">${rows.slice(0, shown).map((grant) => html`<${Grant} key=${grant.id} of=${of} grant=${grant} />`)}</ol>
          <${More} more=${rows.length > shown || isShort} isLoading=${grants.isGrowing} onMore=${() => setShown(shown + STEP)} />`}
    <//><//>`;
}

/** @param {{of: Credits, grant: any}} props */
function Grant({ of, grant }) {
  const [tone, icon, word] = STATUSES[grant.status] ?? ["neutral", "dot", grant.status];
  return html`<li class="grant">
    <div class="grant-head"><h3><${Named} name=${grant.name} /></h3><${Badge} tone=${tone} icon=${icon}>${word}<//></div>
    <div class="grant-amounts"><${Used} grant=${grant} />
      <dl>${["amount", ...PARTS].filter((name) => !ONLY_IF_ANY.has(name) || !isZero(grant[name])).map(
        (name) => html`<div key=${name}><dt>${name !== "amount" && html`<span class=${`swatch ${toneOf(grant, name)}`}></span>`}${name === "amount" ? "Granted" : name[0].toUpperCase() + name.slice(1)}</dt>
          <dd><${Money} amount=${grant[name]} currency=${of.currency} /></dd></div>`,
      )}</dl></div>
    <${Terms} of=${of} grant=${grant} />
    ${of.mayAct && html`<${Actions} of=${of} grant=${grant} />`}
  </li>`;
}

/** What is still to come looks as in the summary. @param {any} grant @param {string} part */
const toneOf = (grant, part) => (part === "remaining" && grant.status === "scheduled" ? "scheduled" : part);

/** @param {{grant: any}} props */
function Used({ grant }) {
  const given = PARTS.filter((name) => compare(grant[name], "0") > 0);
  const whole = sum(given.map((name) => grant[name]));
  if (isZero(whole)) return null;
  const parts = given.map((name) => ({ name: `${name} ${percentOf(grant[name], whole, 1)}%`, percent: percentOf(grant[name], whole, 2) ?? "0", tone: toneOf(grant, name) }));
  return html`<${Bar} label=${parts.map((part) => part.name).join(", ")} parts=${parts} />`;
}

/** @param {{of: Credits, grant: any}} props */
function Terms({ of, grant }) {
  const { recurrence } = grant;
  const times = recurrence && (recurrence.count === null ? "" : `, ${recurrence.count} ${recurrence.count === 1 ? "time" : "times"} in all`);
  return html`<dl class="grant-terms">
    <div class="wide"><dt>Available</dt><dd><${When} at=${grant.effective_at} timezone=${of.timezone} /> → ${grant.expires_at ? html`<${When} at=${grant.expires_at} timezone=${of.timezone} />` : "no end"}</dd></div>
    <div><dt>Pays</dt><dd>${scope(of, grant.applies_to)}</dd></div>
    <div><dt>Priority</dt><dd>${grant.priority}</dd></div>
    <div><dt title="What was paid for each unit of credit">Cost basis</dt><dd>${isZero(grant.cost_basis) ? "0 (given)" : formatDecimal(grant.cost_basis)}</dd></div>
    ${recurrence && html`<div><dt>Recurs</dt><dd>${EVERY[recurrence.every] ?? recurrence.every}${times}</dd></div>`}
  </dl>`;
}

/** @param {Credits} of @param {any} appliesTo */
function scope(of, appliesTo) {
  if (appliesTo === null) return "all usage charges";
  if (appliesTo === "all") return "all charges";
  return html`<span dir="auto">${appliesTo.charges.map((/** @type {string} */ key) => chargeName(of, key)).join(", ")}</span>`;
}

/** Only what the API can do is offered; it still decides. @param {{of: Credits, grant: any}} props */
function Actions({ of, grant }) {
  if (grant.status === "voided") return null;
  const canVoid = !isZero(grant.remaining) || grant.recurrence !== null;
  return html`<div class="grant-actions">
    <${ActionButton} label="Change expiry" title=${`Change expiry of ${grant.name}`} dialog=${(/** @type {() => void} */ close) => html`<${ChangeExpiry} of=${of} grant=${grant} onClose=${close} />`} />
    ${canVoid && html`<${ActionButton} label="Void" title=${`Void ${grant.name}`} dialog=${(/** @type {() => void} */ close) => html`<${VoidGrant} of=${of} grant=${grant} onClose=${close} />`} />`}
  </div>`;
}
