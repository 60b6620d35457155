/** What a plan version says, in words: its terms, and each charge with its prices. */
import { isZero } from "./decimal.js";
import { Money, Quantity } from "./figures.js";
import { html } from "./html.js";
import { Facts } from "./operator_parts.js";
import { Badge, Table } from "./ui.js";

/** @typedef {{currency: string, unit: string, period: string}} Terms what the words of a charge need to know */

/**
 * A plan version: terms and charges. `meters` by key gives their units; a meter that is not there is a “unit”.
 * @param {{plan: any, meters?: Record<string, any>}} props
 */
export function PlanContent({ plan, meters = {} }) {
  return html`<div class="plan-content">
    <${Facts} facts=${termsOf(plan)} />
    ${plan.charges.length === 0
      ? html`<p class="quiet">This plan has no charges.</p>`
      : html`<ul class="charges">${plan.charges.map(
          (/** @type {any} */ charge) => html`<li key=${charge.key}><${Charge} charge=${charge}
            terms=${{ currency: plan.currency, period: plan.billing_period, unit: meters[charge.meter]?.unit || "unit" }} meter=${meters[charge.meter]} /></li>`,
        )}</ul>`}
  </div>`;
}

/** @param {any} plan @returns {[string, any][]} */
const termsOf = (plan) => [
  ["Billed", `every ${plan.billing_period}, in ${plan.currency}`],
  ["Minimum", plan.minimum && html`<${Money} amount=${plan.minimum} currency=${plan.currency} /> a ${plan.billing_period}`],
  ["Discount", !isZero(plan.discount_percent) && html`<data value=${plan.discount_percent}>${plan.discount_percent} %</data> of all charges`],
  ["Due", days(plan.net_days, "after the invoice")],
  ["Finalized", `${plan.grace_hours} hours after the period`],
  ["Usage shown", days(plan.usage_history_days, "back")],
];

/** @param {number} count @param {string} rest */
const days = (count, rest) => `${count} ${count === 1 ? "day" : "days"} ${rest}`;

/** @param {{charge: any, terms: Terms, meter?: any}} props */
function Charge({ charge, terms, meter }) {
  return html`<article class="charge">
    <h3><span dir="auto">${charge.name}</span> <small class="quiet"><code>${charge.key}</code></small></h3>
    ${charge.type === "recurring" ? html`<${Fee} charge=${charge} terms=${terms} />` : html`<${Usage} charge=${charge} terms=${terms} meter=${meter} />`}
  </article>`;
}

/** @param {{charge: any, terms: Terms}} props */
function Fee({ charge, terms }) {
  return html`<p><${Money} amount=${charge.amount} currency=${terms.currency} /> a ${terms.period}, ${charge.timing === "advance" ? "in advance" : "in arrears"}${
    charge.prorate ? ", prorated" : ", not prorated"}</p>`;
}

/** @param {{charge: any, terms: Terms, meter?: any}} props */
function Usage({ charge, terms, meter }) {
  const by = charge.prices_by;
  return html`<p class="quiet">On <span dir="auto">${meter?.name ?? charge.meter}</span> <code>${charge.meter}</code>${
    Object.entries(charge.filter ?? {}).map(([name, values]) => html`, only where ${name} is <bdi>${/** @type {string[]} */ (values).join(" or ")}</bdi>`)}</p>
    ${by ? html`<${PricesBy} charge=${charge} terms=${terms} />` : html`<${Price} price=${charge} terms=${terms} />`}
    ${(charge.minimum || charge.maximum) && html`<p>${charge.minimum && html`At least <${Money} amount=${charge.minimum} currency=${terms.currency} />`}${
      charge.minimum && charge.maximum && ", "}${charge.maximum && html`${charge.minimum ? "at" : "At"} most <${Money} amount=${charge.maximum} currency=${terms.currency} />`} a ${terms.period}</p>`}`;
}

/** @param {{charge: any, terms: Terms}} props */
function PricesBy({ charge, terms }) {
  const { dimension, prices, default: rest } = charge.prices_by;
  const price = (/** @type {any} */ own) => html`<${Price} price=${own.model ? own : { ...charge, ...own }} terms=${terms} />`;
  return html`<${Table} label=${`Prices of ${charge.name} by ${dimension}`} head=${[dimension, "Price"]} class="prices">
    ${Object.entries(prices).map(([value, own]) => html`<tr key=${value}><td dir="auto">${value || html`<span class="quiet">(empty)</span>`}</td><td>${price(own)}</td></tr>`)}
    <tr><td class="quiet">all others</td><td>${rest ? price(rest) : html`<span class="quiet">${charge.model ? price(charge) : "not priced"}</span>`}</td></tr>
  <//>`;
}

/** @param {{price: any, terms: Terms}} props */
function Price({ price, terms }) {
  const money = (/** @type {string} */ amount) => html`<${Money} amount=${amount} currency=${terms.currency} />`;
  const unit = html`<span dir="auto">${terms.unit}</span>`;
  const included = price.included && !isZero(price.included) && html`<p><${Quantity} quantity=${price.included} unit=${terms.unit} /> included every ${terms.period}</p>`;
  if (price.model === "per_unit") return html`${included}<p>${money(price.unit_price)} per ${unit}</p>`;
  if (price.model === "package") return html`${included}<p>${money(price.package_price)} for each <${Quantity} quantity=${price.package_size} unit=${terms.unit} />, whole packages</p>`;
  if (!price.tiers) return html`${included}`;
  return html`${included}<p>${price.model === "graduated" ? html`Each tier at its own price, per ${unit}:` : html`All of the ${terms.period} at the price of the tier that the total is in, per ${unit}:`}</p>
    <ul class="plan-tiers">${price.tiers.map(
      (/** @type {any} */ tier, /** @type {number} */ index) => html`<li key=${index}><${Bounds} from=${price.tiers[index - 1]?.up_to} to=${tier.up_to} />
        <span>${money(tier.unit_price)}${!isZero(tier.flat_fee) && html` and ${money(tier.flat_fee)} once`}</span></li>`,
    )}</ul>`;
}

/** @param {{from?: string, to: string | null}} props */
function Bounds({ from, to }) {
  if (to === null) return html`<span>${from ? html`above <${Quantity} quantity=${from} />` : "any quantity"}</span>`;
  return html`<span>${from ? html`above <${Quantity} quantity=${from} /> up to ` : "up to "}<${Quantity} quantity=${to} /></span>`;
}

/** What overrides replace, one line for each field. @param {{overrides: any}} props */
export function Overrides({ overrides }) {
  const lines = linesOf(overrides, []);
  if (lines.length === 0) return null;
  return html`<div class="overrides"><h3><${Badge} tone="live" icon="pencil">Custom terms<//></h3>
    <p class="quiet">These replace what the plan says.</p>
    <ul>${lines.map(([path, value]) => html`<li key=${path}><code>${path}</code> <bdi>${value}</bdi></li>`)}</ul></div>`;
}

/** @param {any} value @param {string[]} path @returns {[string, string][]} */
function linesOf(value, path) {
  if (value !== null && typeof value === "object" && !Array.isArray(value)) {
    return Object.entries(value).flatMap(([name, inner]) => linesOf(inner, [...path, name]));
  }
  return [[path.join(" › "), value === null ? "taken away" : typeof value === "object" ? JSON.stringify(value) : String(value)]];
}
