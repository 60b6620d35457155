/** What the editor of a plan begins with. */

/** A plan to be filled in. */
export const TEMPLATE = JSON.stringify(
  {
    key: "starter",
    name: "Starter",
    currency: "USD",
    billing_period: "month",
    charges: [
      { key: "base", name: "Base fee", type: "recurring", amount: "20.00", timing: "advance", prorate: true },
      { key: "calls", name: "API calls", type: "usage", meter: "api_calls", model: "per_unit", unit_price: "0.01", included: "1000" },
    ],
    discount_percent: "0",
    net_days: 30,
  },
  null,
  2,
);

/** The content of a version, without what the next one has of its own. @param {any} plan */
export function contentOf({ key: _key, version: _version, created_at: _created, ...content }) {
  return JSON.stringify(content, null, 2);
}
