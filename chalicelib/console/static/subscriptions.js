/** An organization's subscriptions: the plan of each, its periods, and what is agreed. */
import { useState } from "preact/hooks";
import { at, get, list } from "./api.js";
import { serverNow } from "./clock.js";
import { Money } from "./figures.js";
import { html } from "./html.js";
import { useLoad } from "./load.js";
import { Facts, Instant, usePages } from "./operator_parts.js";
import { SubscriptionActions, Subscribe } from "./operator_subscription.js";
import { Overrides, PlanContent } from "./plan_words.js";
import { formatAway, formatSpan } from "./time.js";
import { Badge, Card, Empty, Loaded, More, capital } from "./ui.js";
import { mayAct } from "./roles.js";

const STATUSES = /** @type {Record<string, [import("./ui.js").Tone, string]>} */ ({
  scheduled: ["live", "clock"],
  trial: ["live", "clock"],
  active: ["good", "check"],
  cancelling: ["warn", "warning"],
  ended: ["neutral", "cross"],
});

/** @param {import("./roles.js").ViewProps} props */
export default function SubscriptionsView({ session, organization }) {
  const pages = usePages(at`organizations/${organization.id}/subscriptions`, {});
  const canAct = mayAct(session);
  const known = useLoad(async (signal) => {
    const [meters, plans] = await Promise.all([list("meters", {}, { signal }), canAct ? list("plans", {}, { signal }) : { data: [] }]);
    return { meters: Object.fromEntries(meters.data.map((meter) => [meter.key, meter])), plans: plans.data };
  }, [canAct]);
  const { meters, plans } = known.value ?? { meters: {}, plans: [] };
  return html`<${Loaded} loaded=${pages.loaded} what="The subscriptions" lines=${6}>
    ${(/** @type {{data: any[], more: boolean}} */ { data, more }) => html`
      ${canAct && html`<div class="toolbar"><div class="end"><${Subscribe} organization=${organization} plans=${plans} isFirst=${data.length === 0} /></div></div>`}
      ${data.length === 0 && html`<${Card} title="Subscriptions"><${Empty} title="There is no subscription">${
        canAct ? "Usage is counted all the same. Subscribe the organization to a plan to bill it." : "Usage is counted, but nothing is billed."}<//><//>`}
      <div class="stack">${data.map((each) => html`<${Subscription} key=${each.id} subscription=${each} organization=${organization} meters=${meters} plans=${plans} canAct=${canAct} />`)}</div>
      <${More} more=${more} isLoading=${pages.loaded.isLoading} onMore=${pages.onMore} />`}
  <//>`;
}

/** @param {{subscription: any, organization: any, meters: Record<string, any>, plans: any[], canAct: boolean}} props */
function Subscription({ subscription, organization, meters, plans, canAct }) {
  const [tone, icon] = STATUSES[subscription.status] ?? ["neutral", "dot"];
  const { plan, version, history } = subscription;
  return html`<${Card} title=${html`<bdi>${plan}</bdi> <span class="version">version ${version}</span>`} aside=${html`<${Badge} tone=${tone} icon=${icon}>${capital(subscription.status)}<//>`}>
    <${Facts} facts=${factsOf(subscription, organization)} />
    <${Overrides} overrides=${subscription.overrides} />
    ${canAct && html`<${SubscriptionActions} subscription=${subscription} plans=${plans} currency=${organization.currency} />`}
    <div class="versions">
      <${Version} key=${`${plan} ${version}`} plan=${plan} version=${version} meters=${meters} label="What it charges" isOpen=${subscription.status !== "ended"} />
      ${history.length > 1 && html`<h3>History</h3>${history.map((/** @type {any} */ held) => html`<${Version} key=${held.from} plan=${held.plan} version=${held.version} meters=${meters}
        label=${html`<bdi>${held.plan}</bdi> version ${held.version}, from <${Instant} at=${held.from} timezone=${organization.timezone} />`} />`)}`}
    </div>
  <//>`;
}

/** @param {any} subscription @param {any} organization @returns {[string, any][]} */
function factsOf(subscription, organization) {
  const { timezone, currency } = organization;
  const instant = (/** @type {string | null} */ when) => when && html`<${Instant} at=${when} timezone=${timezone} />`;
  const span = (/** @type {any} */ period) => period && formatSpan(period, timezone);
  const change = subscription.scheduled_change;
  return [
    ["Current period", span(subscription.current_period)],
    ["Previous period", span(subscription.previous_period)],
    ["Started", instant(subscription.start)],
    [subscription.status === "ended" ? "Ended" : "Ends", subscription.end && html`${instant(subscription.end)} <span class="quiet">${formatAway(subscription.end, serverNow())}</span>`],
    ["Trial until", instant(subscription.trial_end)],
    ["Changes to", change && html`<bdi>${change.plan}</bdi> version ${change.version} on ${instant(change.at)}`],
    ["Periods", `a ${subscription.billing_period} each, ${subscription.anchor === "calendar" ? "with the calendar" : "from the day it started"}`],
    ["Payment", subscription.payment === "prepaid" ? "prepaid, only while credit lasts" : "postpaid, by invoice"],
    ["Spend cap", subscription.spend_cap && html`<${Money} amount=${subscription.spend_cap} currency=${currency} /> a period`],
    ["Usage shown", `${subscription.usage_history_days} days back`],
    ["Id", html`<code>${subscription.id}</code>`],
  ];
}

/** A plan version that is read when it is unfolded. @param {{plan: string, version: number, meters: Record<string, any>, label: any, isOpen?: boolean}} props */
function Version({ plan, version, meters, label, isOpen = false }) {
  const [isUnfolded, unfold] = useState(isOpen);
  return html`<details open=${isUnfolded} onToggle=${(/** @type {any} */ event) => unfold(event.currentTarget.open)}>
    <summary>${label}</summary>${isUnfolded && html`<${VersionContent} plan=${plan} version=${version} meters=${meters} />`}
  </details>`;
}

/** @param {{plan: string, version: number, meters: Record<string, any>}} props */
function VersionContent({ plan, version, meters }) {
  const loaded = useLoad((signal) => get(at`plans/${plan}/versions/${version}`, {}, signal), [plan, version], { live: false });
  return html`<${Loaded} loaded=${loaded} what="The plan">${(/** @type {any} */ content) => html`<${PlanContent} plan=${content} meters=${meters} />`}<//>`;
}
