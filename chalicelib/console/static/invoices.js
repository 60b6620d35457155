/** The invoices of an organization: the history beside the invoice that is selected. */
import { useState } from "preact/hooks";
import { html } from "./html.js";
import { OneOffButton } from "./invoice_actions.js";
import { InvoiceDetails } from "./invoice_details.js";
import { History, useHistory } from "./invoice_history.js";
import { knownState } from "./invoice_words.js";
import { Link } from "./place.js";
import { Card, Empty } from "./ui.js";
import { isOperator, mayAct } from "./roles.js";

/** @param {import("./roles.js").ViewProps} props */
export default function InvoicesView({ session, organization, place }) {
  const state = knownState(place.status);
  const history = useHistory(organization.id, state);
  const [seen, setSeen] = useState(/** @type {any} */ (null));
  const rows = history.value?.rows;
  const [selectedId, forget] = useSelected(place.invoice, rows, state);
  const listed = rows?.find((/** @type {any} */ each) => each.id === selectedId);
  const selected = seen?.id === selectedId ? seen : listed;
  const action = mayAct(session) && html`<${OneOffButton} organization=${organization} />`;
  return html`<div class="invoices">
    <${History} history=${history} selected=${selected} selectedId=${selectedId} organization=${organization} state=${state} action=${action} />
    ${selectedId !== null
      ? html`<${InvoiceDetails} key=${selectedId} id=${selectedId} listed=${listed} line=${place.line} session=${session} organization=${organization} onSeen=${setSeen} onLeave=${forget} />`
      : rows && !state && html`<${NoInvoices} session=${session} />`}
  </div>`;
}

/**
 * The invoice of the address, or the one on top when the view was opened: it stays selected when others come, until it
 * is forgotten.
 * @param {string | undefined} named @param {any[] | undefined} rows @param {string | undefined} state
 * @returns {[string | null, () => void]}
 */
function useSelected(named, rows, state) {
  const [arrived, setArrived] = useState({ state, id: /** @type {string | null} */ (null) });
  const top = rows?.[0]?.id ?? null;
  const isKept = arrived.id !== null && arrived.state === state;
  if (!isKept && top !== null) setArrived({ state, id: top });
  return [named || (isKept ? arrived.id : top), () => setArrived({ state, id: null })];
}

/** @param {{session: import("./roles.js").Session}} props */
function NoInvoices({ session }) {
  return html`<${Card} title="Nothing is billed yet"><${Empty} title="The first invoice comes with a subscription"
    action=${isOperator(session) && html`<${Link} class="button" to=${{ view: "subscriptions" }}>Look at the subscriptions<//>`}>
    As soon as a subscription runs, the draft of its current period shows here and grows with the usage. It becomes final after the period has ended.<//><//>`;
}
