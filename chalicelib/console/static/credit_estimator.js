/** What a job would cost, and what would remain after it. Nothing is changed or reserved by asking. */
import { useId, useRef, useState } from "preact/hooks";
import { Problem, at, change, newKey } from "./api.js";
import { Money } from "./figures.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { Badge, Card, Loaded } from "./ui.js";

/** @typedef {import("./credit_parts.js").Credits} Credits */
/** @typedef {import("./credit_rows.js").Charge} Charge */

const AMOUNT = "amount of money";

/** @type {Record<string, string>} */
const REASONS = {
  "no-subscription": "There is no subscription now, so there are no prices.",
  "insufficient-credit": "The credit that remains does not pay for it, and this plan is prepaid.",
  "spend-cap": "It would go over the spend cap of this period.",
};

/** @param {{of: Credits, plan: import("./load.js").Loaded<Charge[] | null>}} props */
export function Estimator({ of, plan }) {
  return html`<${Card} title="Estimate a job" class="credit-estimator" aside="Reserves nothing">
    <${Loaded} loaded=${plan} what="The plan" lines=${3}>
      ${(/** @type {Charge[] | null} */ charges) => html`<${Form} of=${of} charges=${(charges ?? []).filter((charge) => charge.type === "usage")} />`}
    <//><//>`;
}

/** @param {{of: Credits, charges: Charge[]}} props */
function Form({ of, charges }) {
  const id = useId();
  const [wanted, setWanted] = useState(charges[0]?.key ?? AMOUNT);
  const [values, setValues] = useState(/** @type {Record<string, string>} */ ({}));
  const [state, setState] = useState(/** @type {{answer: any, problem: Problem | null, isAsking: boolean}} */ ({ answer: null, problem: null, isAsking: false }));
  const charge = charges.find((each) => each.key === wanted);
  const fields = charge ? [quantityOf(charge), ...(charge.dimension ? [dimensionOf(charge, charge.dimension)] : [])] : [amountOf(of)];
  const known = new Set(fields.map((field) => field.pointer));
  const faults = state.problem?.errors ?? [];
  // What is asked has a number, so that an answer to what was changed meanwhile is not taken.
  const asked = useRef(0);
  const forget = (/** @type {Problem | null} */ problem) => {
    asked.current += 1;
    setState({ answer: null, problem, isAsking: false });
  };
  const give = (/** @type {string} */ pointer) => (/** @type {any} */ event) => {
    setValues({ ...values, [pointer]: event.currentTarget.value });
    forget(state.problem);
  };

  async function ask(/** @type {Event} */ event) {
    event.preventDefault();
    setState({ ...state, isAsking: true });
    asked.current += 1;
    const number = asked.current;
    try {
      const answer = await change("POST", at`organizations/${of.organization.id}/authorize`, bodyOf(charge, values), newKey());
      if (number === asked.current) setState({ answer, problem: null, isAsking: false });
    } catch (fault) {
      if (!(fault instanceof Problem)) throw fault;
      if (number === asked.current) forget(fault);
    }
  }

  return html`<form class="estimator" onSubmit=${ask} novalidate>
      <div class="field"><label for=${`${id}-what`}>What</label>
        <select id=${`${id}-what`} value=${wanted} onChange=${(/** @type {any} */ event) => {
          setWanted(event.currentTarget.value);
          forget(null);
        }}>
          ${charges.map((each) => html`<option key=${each.key} value=${each.key} selected=${each.key === wanted}>${each.name}</option>`)}
          <option value=${AMOUNT} selected=${!charge}>An amount of money</option></select></div>
      ${fields.map((field) => html`<${Field} key=${field.pointer} id=${`${id}${field.pointer}`} field=${field} value=${values[field.pointer] ?? ""} onInput=${give(field.pointer)}
        fault=${faults.filter((each) => each.pointer === field.pointer || (field.also && each.pointer === field.also)).map((each) => each.detail).join("; ")} />`)}
      <button type="submit" class="primary" disabled=${state.isAsking}>Estimate</button>
    </form>
    <div aria-live="polite">
      ${state.problem && html`<div class="refusal"><p><${Icon} name="warning" /><strong>${state.problem.title}</strong></p>
        ${state.problem.detail && html`<p dir="auto">${state.problem.detail}</p>`}
        ${faults.filter((each) => !known.has(each.pointer) && !fields.some((field) => field.also === each.pointer)).map((each) => html`<p key=${each.pointer} dir="auto">${each.detail}</p>`)}</div>`}
      ${state.answer && html`<${Answer} of=${of} answer=${state.answer} />`}
    </div>`;
}

/** @typedef {{pointer: string, also?: string, label: string, unit?: string | null, values?: string[]}} EstimateField */

/** @param {Charge} charge @returns {EstimateField} */
const quantityOf = (charge) => ({ pointer: "/quantity", label: "Quantity", unit: charge.unit });
/** @param {Charge} charge @param {string} dimension @returns {EstimateField} */
const dimensionOf = (charge, dimension) => ({ pointer: `/dimensions/${dimension}`, also: "/dimensions", label: dimension, values: charge.values });
/** @param {Credits} of @returns {EstimateField} */
const amountOf = (of) => ({ pointer: "/amount", label: "Amount", unit: of.currency });

/** @param {Charge | undefined} charge @param {Record<string, string>} values */
function bodyOf(charge, values) {
  if (!charge) return { amount: values["/amount"] ?? "" };
  const body = { charge: charge.key, quantity: values["/quantity"] ?? "" };
  const value = charge.dimension && values[`/dimensions/${charge.dimension}`];
  return value ? { ...body, dimensions: { [/** @type {string} */ (charge.dimension)]: value } } : body;
}

/** @param {{id: string, field: EstimateField, value: string, fault: string, onInput: (event: any) => void}} props */
function Field({ id, field, value, fault, onInput }) {
  return html`<div class=${`field${fault ? " faulty" : ""}`}><label for=${id}><span dir="auto">${field.label}</span>${field.unit && html` <span class="quiet" dir="auto">(${field.unit})</span>`}</label>
    <input id=${id} type="text" inputmode=${field.values ? null : "decimal"} autocomplete="off" value=${value} onInput=${onInput} list=${field.values?.length ? `${id}-known` : null}
      aria-invalid=${fault ? "true" : null} aria-describedby=${fault ? `${id}-fault` : null} />
    ${field.values?.length ? html`<datalist id=${`${id}-known`}>${field.values.map((each) => html`<option key=${each} value=${each}></option>`)}</datalist>` : null}
    ${fault && html`<p class="fault" id=${`${id}-fault`}><${Icon} name="warning" /><span dir="auto">${fault}</span></p>`}</div>`;
}

/** @param {{of: Credits, answer: any}} props */
function Answer({ of, answer }) {
  const money = (/** @type {string | null} */ amount) => (amount === null ? html`<span class="quiet">unknown</span>` : html`<${Money} amount=${amount} currency=${of.currency} />`);
  return html`<div class="estimate">
    ${answer.allowed ? html`<${Badge} tone="good" icon="check">It may start<//>` : html`<${Badge} tone="bad" icon="cross">It may not start<//>`}
    ${answer.reason && html`<p>${REASONS[answer.reason] ?? answer.reason}</p>`}
    <dl><div><dt>Estimated amount</dt><dd>${money(answer.estimated_amount)}</dd></div>
      <div><dt title="Of the grants that would pay for it">Credit that would pay</dt><dd>${money(answer.remaining)}</dd></div>
      <div><dt>Remains after it</dt><dd>${money(answer.remaining_after)}</dd></div></dl></div>`;
}
