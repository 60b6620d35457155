/** Figures on the page. Each carries the API's own text in `value`; what is read may be grouped or shortened. */
import { formatDecimal, formatMoney, formatShort, isNegative } from "./decimal.js";
import { html } from "./html.js";

/** An amount of money, with exactly the decimals of the API. @param {{amount: string, currency: string}} props */
export function Money({ amount, currency }) {
  return html`<data class=${`money${isNegative(amount) ? " negative" : ""}`} value=${amount}>${formatMoney(amount, currency)}</data>`;
}

/**
 * A quantity, exact; with `short` at most two decimals are shown and the exact one is in the tooltip.
 * @param {{quantity: string, unit?: string | null, short?: boolean}} props
 */
export function Quantity({ quantity, unit = null, short = false }) {
  const shown = short ? formatShort(quantity) : formatDecimal(quantity);
  const exact = formatDecimal(quantity);
  return html`<data class="quantity" value=${quantity} title=${shown === exact ? null : exact}>${shown}</data>${
    unit && html`${" "}<span class="unit" dir="auto">${unit}</span>`
  }`;
}
