/** The Credits tab: what was paid or given in advance, what became of it, and what a job would take of it. */
import { at, get } from "./api.js";
import { CreateGrant } from "./credit_actions.js";
import { Estimator } from "./credit_estimator.js";
import { Grants } from "./credit_grants.js";
import { Holds } from "./credit_holds.js";
import { Ledger, Schedule } from "./credit_ledger.js";
import { readCharges, useGrantNames, useRows } from "./credit_rows.js";
import { Summary } from "./credit_summary.js";
import { UsageHistory } from "./credit_usage.js";
import { ActionButton } from "./form.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { useLoad } from "./load.js";
import { Failure } from "./ui.js";
import { mayAct } from "./roles.js";

/** @param {import("./roles.js").ViewProps} props */
export default function CreditsView({ session, organization, place }) {
  const root = at`organizations/${organization.id}/credits`;
  const balance = useLoad((signal) => get(root, {}, signal), [root]);
  const grants = useRows(`${root}/grants`, {}, { first: 200 });
  const schedule = useRows(`${root}/schedule`, {}, { first: 10 });
  const plan = useLoad((signal) => readCharges(organization, signal), [root], { live: false });
  const nameOf = useGrantNames(root, grants, balance.value);
  const of = { organization, root, currency: organization.currency, timezone: organization.timezone, mayAct: mayAct(session), nameOf, charges: plan.value };
  if (balance.value === undefined && balance.problem?.status === 403) return html`<${Failure} problem=${balance.problem} />`;
  // Undefined while it is not known, null where nothing comes.
  const next = schedule.value && (schedule.value.rows.find((each) => each.kind !== "expires") ?? (schedule.value.more ? undefined : null));
  const give = of.mayAct && html`<${ActionButton} class="primary" label=${html`<${Icon} name="plus" />Give credit`} dialog=${(/** @type {() => void} */ close) => html`<${CreateGrant} of=${of} onClose=${close} />`} />`;
  return html`<div class="stack credits">
    <${Summary} of=${of} balance=${balance} next=${next} action=${give || null} />
    <${Grants} of=${of} grants=${grants} filter=${place.grants} />
    <div class="credit-columns"><${Ledger} of=${of} place=${place} /><${Schedule} of=${of} schedule=${schedule} /></div>
    <div class="credit-columns"><${UsageHistory} of=${of} place=${place} />
      <div class="stack"><${Estimator} of=${of} plan=${plan} /><${Holds} of=${of} /></div></div>
  </div>`;
}
