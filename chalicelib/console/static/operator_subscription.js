/** What an admin does with subscriptions: make, change, cancel, take back, agree on terms apart. */
import { at } from "./api.js";
import { ActionButton, ActionDialog, bodyOf } from "./form.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";

/** @typedef {import("./form.js").Field} Field */
/** @typedef {import("./form.js").Values} Values */

/** When something takes effect. @param {string} value @returns {Field[]} */
const whenFields = (value) => [
  { pointer: "/at", label: "When", kind: "select", value, options: [
    { value: "period_end", label: "At the end of the period" },
    { value: "now", label: "Now" },
    { value: "instant", label: "At an instant" },
  ] },
  { pointer: "/at/instant", label: "Instant (UTC)", kind: "datetime", required: true, shownIf: (values) => values["/at"] === "instant" },
];

/** @param {Values} values */
const whenOf = (values) => (values["/at"] === "instant" ? `${values["/at/instant"]}:00Z` : values["/at"]);

/** @param {Values} values */
const whenInWords = (values) =>
  ({ now: "now; the period ends early and is billed", period_end: "at the end of the current period", instant: `on ${(values["/at/instant"] || "…").replace("T", " at ")} UTC` })[/** @type {string} */ (values["/at"])];

/** @param {any[]} plans @returns {Field[]} */
const planFields = (plans) => [
  { pointer: "/plan", label: "Plan", required: true, suggestions: plans.map((plan) => plan.key) },
  { pointer: "/version", label: "Version", kind: "whole", help: "Without one the latest." },
];

const OVERRIDES_HELP = 'Fields that replace the plan’s: {"discount_percent": "10", "charges": {"tokens": {"unit_price": "0.01"}}}.';

/** @param {{organization: any, plans: any[], isFirst: boolean}} props */
export function Subscribe({ organization, plans, isFirst }) {
  /** @type {Field[]} */
  const fields = [
    ...planFields(plans),
    { pointer: "/start", label: "Start (UTC)", kind: "datetime", help: "Without one now. It may lie ahead, or in the past." },
    { pointer: "/end", label: "End (UTC)", kind: "datetime", help: "Without one it goes on." },
    { pointer: "/anchor", label: "Periods begin", kind: "select", value: "calendar", options: [
      { value: "calendar", label: "with the calendar: on the 1st, on Mondays" },
      { value: "anniversary", label: "on the day it started" },
    ] },
    { pointer: "/trial_days", label: "Days of trial", kind: "whole", placeholder: "0" },
    { pointer: "/payment", label: "Payment", kind: "select", value: "postpaid", options: [
      { value: "postpaid", label: "postpaid: by invoice" },
      { value: "prepaid", label: "prepaid: only while credit lasts" },
    ] },
    { pointer: "/spend_cap", label: `Spend cap (${organization.currency} a period)`, kind: "number", help: "Jobs that ask first are refused beyond it." },
    { pointer: "/overrides", label: "Custom terms (JSON)", kind: "json", rows: 4, help: OVERRIDES_HELP },
  ];
  const effect = (/** @type {Values} */ values) => html`Subscribes <bdi>${organization.name}</bdi> to <bdi>${values["/plan"] || "…"}</bdi> ${
    values["/start"] ? `from ${values["/start"].replace("T", " ")} UTC` : "from now"} on. A fee in advance is invoiced at once.`;
  return html`<${ActionButton} class=${isFirst ? "primary" : ""} label=${html`<${Icon} name="plus" />New subscription`} dialog=${(/** @type {() => void} */ close) => html`<${ActionDialog}
    title="New subscription" action="Subscribe" path=${at`organizations/${organization.id}/subscriptions`} fields=${fields} effect=${effect} onClose=${close} />`} />`;
}

/** @param {{subscription: any, plans: any[], currency: string}} props */
export function SubscriptionActions({ subscription, plans, currency }) {
  if (subscription.status === "ended") return null;
  const canTakeBack = subscription.scheduled_change !== null || subscription.end !== null;
  return html`<div class="actions">
    <${Change} subscription=${subscription} plans=${plans} />
    <${Agree} subscription=${subscription} currency=${currency} />
    ${canTakeBack && html`<${Resume} subscription=${subscription} />`}
    <${Cancel} subscription=${subscription} />
  </div>`;
}

/** @param {{subscription: any, plans: any[]}} props */
function Change({ subscription, plans }) {
  const fields = [...planFields(plans), ...whenFields("period_end")];
  const body = (/** @type {Values} */ values) => ({ ...bodyOf(planFields(plans), values), at: whenOf(values) });
  return html`<${ActionButton} label="Change plan" dialog=${(/** @type {() => void} */ close) => html`<${ActionDialog} title="Change the plan" action="Change plan"
    path=${at`subscriptions/${subscription.id}/change`} fields=${fields} body=${body} onClose=${close}
    effect=${(/** @type {Values} */ values) => html`Goes from <bdi>${subscription.plan}</bdi> version ${subscription.version} to <bdi>${values["/plan"] || "…"}</bdi> ${whenInWords(values)}.`} />`} />`;
}

/** @param {{subscription: any}} props */
function Cancel({ subscription }) {
  return html`<${ActionButton} label="Cancel subscription" dialog=${(/** @type {() => void} */ close) => html`<${ActionDialog} title="Cancel the subscription" action="Cancel subscription" isGrave
    path=${at`subscriptions/${subscription.id}/cancel`} fields=${whenFields("period_end")} body=${(/** @type {Values} */ values) => ({ at: whenOf(values) })} onClose=${close}
    effect=${(/** @type {Values} */ values) => `Ends the subscription ${whenInWords(values)}. Usage is still accepted, but is not billed after that.`} />`} />`;
}

/** @param {{subscription: any}} props */
function Resume({ subscription }) {
  const change = subscription.scheduled_change;
  const effect = change ? html`Takes the change to <bdi>${change.plan}</bdi> version ${change.version} back; the subscription goes on as it is.` : "Takes the end back; the subscription goes on.";
  return html`<${ActionButton} label="Resume" title="Take back what lies ahead" dialog=${(/** @type {() => void} */ close) => html`<${ActionDialog} title="Take back what lies ahead" action="Resume"
    path=${at`subscriptions/${subscription.id}/resume`} effect=${effect} onClose=${close} />`} />`;
}

/** @param {{subscription: any, currency: string}} props */
function Agree({ subscription, currency }) {
  const had = { cap: subscription.spend_cap ?? "", overrides: Object.keys(subscription.overrides).length ? JSON.stringify(subscription.overrides, null, 2) : "" };
  /** @type {Field[]} */
  const fields = [
    { pointer: "/spend_cap", label: `Spend cap (${currency} a period)`, kind: "number", value: had.cap, help: "Empty: no cap." },
    { pointer: "/overrides", label: "Custom terms (JSON)", kind: "json", rows: 4, value: had.overrides, help: `${OVERRIDES_HELP} Empty: the plan as it is.` },
  ];
  const body = (/** @type {Values} */ values, /** @type {Values} */ start) => ({
    ...(values["/spend_cap"] !== start["/spend_cap"] && { spend_cap: values["/spend_cap"] || null }),
    ...(values["/overrides"] !== start["/overrides"] && { overrides: values["/overrides"] ? JSON.parse(values["/overrides"]) : null }),
  });
  const effect = (/** @type {Values} */ values, /** @type {Values} */ start) =>
    [values["/spend_cap"] !== start["/spend_cap"] && "The cap holds at once.", values["/overrides"] !== start["/overrides"] && "Custom terms hold from the next period on."].filter(Boolean).join(" ") || "Nothing is changed yet.";
  return html`<${ActionButton} label="Cap and terms" dialog=${(/** @type {() => void} */ close) => html`<${ActionDialog} title="Spend cap and custom terms" action="Save" method="PATCH"
    path=${at`subscriptions/${subscription.id}`} fields=${fields} body=${body} effect=${effect} onClose=${close} />`} />`;
}
