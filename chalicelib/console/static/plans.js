/** All plans: their versions and charges in words, and how a new version is published. */
import { at, get, list } from "./api.js";
import { ActionButton, ActionDialog } from "./form.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { useLoad } from "./load.js";
import { Instant, usePages } from "./operator_parts.js";
import { Link, go } from "./place.js";
import { TEMPLATE, contentOf } from "./plan_template.js";
import { PlanContent } from "./plan_words.js";
import { Card, Choice, Empty, Failure, Loaded, More, Skeleton } from "./ui.js";
import { mayAct } from "./roles.js";

/** @param {import("./roles.js").ViewProps} props */
export default function PlansView({ session, place }) {
  const pages = usePages("plans", {});
  const isAdmin = mayAct(session);
  return html`<${Loaded} loaded=${pages.loaded} what="The plans" lines=${6}>
      ${(/** @type {{data: any[], more: boolean}} */ { data, more }) =>
        data.length === 0
          ? html`<${Card} title="Plans" aside=${isAdmin && html`<${NewPlan} />`}><${Empty} title="There is no plan yet">${isAdmin ? "Create meters first, then a plan that prices them." : "Somebody with an admin key can create one."}<//><//>`
          : html`<div class="beside"><${Card} title="Plans" class="pick" aside=${isAdmin && html`<${NewPlan} />`}><ul class="choices">${data.map((plan) => html`<li key=${plan.key}>
                <${Link} to=${{ plan: plan.key, version: null }} aria-current=${plan.key === (place.plan ?? data[0].key) ? "true" : null}>
                  <span dir="auto">${plan.name}</span><small><code>${plan.key}</code> · version ${plan.version} · ${plan.currency} · every ${plan.billing_period}</small><//></li>`)}</ul>
              <${More} more=${more} isLoading=${pages.loaded.isLoading} onMore=${pages.onMore} /><//>
            <${Plan} key=${place.plan ?? data[0].key} planKey=${place.plan ?? data[0].key} version=${place.version} isAdmin=${isAdmin} /></div>`}
    <//>`;
}

/** @param {{planKey: string, version?: string, isAdmin: boolean}} props */
function Plan({ planKey, version, isAdmin }) {
  const latest = useLoad((signal) => get(at`plans/${planKey}`, {}, signal), [planKey]);
  const meters = useLoad((signal) => list("meters", {}, { signal }), [], { live: false });
  const wanted = version && version !== String(latest.value?.version) ? version : null;
  const older = useLoad((signal) => (wanted ? get(at`plans/${planKey}/versions/${wanted}`, {}, signal) : Promise.resolve(null)), [planKey, wanted], { live: false });
  const byKey = Object.fromEntries((meters.value?.data ?? []).map((meter) => [meter.key, meter]));
  return html`<${Loaded} loaded=${latest} what="The plan" lines=${8}>${(/** @type {any} */ plan) => html`
    <${Card} title=${plan.name} aside=${isAdmin && html`<${NextVersion} plan=${plan} />`}>
      <div class="toolbar"><code>${plan.key}</code><${Versions} count=${plan.version} value=${wanted ?? String(plan.version)} /></div>
      ${wanted === null
        ? html`<${PlanVersion} plan=${plan} meters=${byKey} />`
        : older.value && String(older.value.version) === wanted
          ? html`<${PlanVersion} plan=${older.value} meters=${byKey} />`
          : older.problem && !older.isLoading ? html`<${Failure} problem=${older.problem} retry=${older.retry} what="The version" />` : html`<${Skeleton} lines=${6} />`}
    <//>`}
  <//>`;
}

/** @param {{plan: any, meters: Record<string, any>}} props */
const PlanVersion = ({ plan, meters }) => html`<p class="quiet">Published on <${Instant} at=${plan.created_at} /> UTC. A version never changes.</p><${PlanContent} plan=${plan} meters=${meters} />`;

/** @param {{count: number, value: string}} props */
function Versions({ count, value }) {
  const options = Array.from({ length: count }, (_, index) => String(count - index)).map((each) => ({ value: each, label: each === String(count) ? `${each} (latest)` : each }));
  return html`<${Choice} label="Version" value=${value} options=${options} onChange=${(/** @type {string} */ chosen) => go({ version: chosen === String(count) ? null : chosen })} />`;
}

// No field of the API is called so: what it says of the body is listed by pointer above the editor.
const EDITOR = "/editor";

/** @param {string} value @param {string} help @returns {import("./form.js").Field[]} */
const editor = (value, help) => [{ pointer: EDITOR, label: "Plan (JSON)", kind: "json", rows: 18, required: true, value, help }];

/** @param {Record<string, string>} values */
const written = (values) => JSON.parse(values[EDITOR]);

const HELP = "Decimals are written as text. Models: per_unit, graduated, volume, package; prices_by prices each value of a dimension.";

function NewPlan() {
  return html`<${ActionButton} class="primary" label=${html`<${Icon} name="plus" />New plan`} dialog=${(/** @type {() => void} */ close) => html`<${ActionDialog}
    title="New plan" action="Create plan" path="plans" fields=${editor(TEMPLATE, HELP)} body=${written} onClose=${close}
    done=${(/** @type {any} */ plan) => go({ plan: plan.key, version: null })}
    effect="Creates the plan as version 1. Nobody is subscribed to it by that; its key and currency never change, and neither does a version." />`} />`;
}

/** @param {{plan: any}} props */
function NextVersion({ plan }) {
  return html`<${ActionButton} label=${html`<${Icon} name="pencil" />Next version`} dialog=${(/** @type {() => void} */ close) => html`<${ActionDialog}
    title=${`Version ${plan.version + 1} of ${plan.name}`} action="Publish" path=${at`plans/${plan.key}/versions`} fields=${editor(contentOf(plan), HELP)} body=${written} onClose=${close}
    done=${() => go({ version: null })}
    effect=${html`Publishes version ${plan.version + 1} of <bdi>${plan.key}</bdi>. Subscriptions keep the version that they have until they are changed to this one.`} />`} />`;
}
