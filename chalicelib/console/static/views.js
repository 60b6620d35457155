/** Every view of the console: its name in the address, who may see it, and the module that shows it. */
import { isOperator, mayAct } from "./roles.js";

export { isOperator, mayAct };

/**
 * @typedef {import("./roles.js").Session} Session
 * @typedef {import("./roles.js").ViewProps} ViewProps
 * @typedef {{name: string, title: string, group: "billing" | "settings" | "operator", load: () => Promise<{default: (props: ViewProps) => any}>, styles: string[]}} View
 */

const OPERATOR = ["./operator.css"];

/** @type {View[]} */
export const VIEWS = [
  { name: "usage", title: "Usage", group: "billing", load: () => import("./usage.js"), styles: ["./usage.css"] },
  { name: "invoices", title: "Invoices", group: "billing", load: () => import("./invoices.js"), styles: ["./invoices.css", "./invoice_history.css", "./invoice_lines.css"] },
  { name: "credits", title: "Credits", group: "billing", load: () => import("./credits.js"), styles: ["./credits.css", "./credit_lists.css"] },
  { name: "organization", title: "General", group: "settings", load: () => import("./organization.js"), styles: OPERATOR },
  { name: "subscriptions", title: "Subscriptions", group: "settings", load: () => import("./subscriptions.js"), styles: OPERATOR },
  { name: "events", title: "Events", group: "settings", load: () => import("./events.js"), styles: OPERATOR },
  { name: "organizations", title: "Organizations", group: "operator", load: () => import("./organizations.js"), styles: OPERATOR },
  { name: "overdue", title: "Overdue invoices", group: "operator", load: () => import("./overdue.js"), styles: OPERATOR },
  { name: "meters", title: "Meters", group: "operator", load: () => import("./meters.js"), styles: OPERATOR },
  { name: "plans", title: "Plans", group: "operator", load: () => import("./plans.js"), styles: OPERATOR },
  { name: "ingestion", title: "Ingestion health", group: "operator", load: () => import("./ingestion.js"), styles: OPERATOR },
  { name: "keys", title: "API keys", group: "operator", load: () => import("./keys.js"), styles: OPERATOR },
  { name: "settings", title: "Billing settings", group: "operator", load: () => import("./billing_settings.js"), styles: OPERATOR },
];

/** @param {Session} session @param {View} view */
export function maySee(session, view) {
  if (view.name === "keys") return isOperator(session) && mayAct(session);
  return view.group !== "operator" || isOperator(session);
}

/** The view of a place; where there is none, Usage, or for operators without an organization all organizations. @param {Session} session @param {import("./place.js").Place} place */
export function viewOf(session, place) {
  const named = VIEWS.find((view) => view.name === place.view && maySee(session, view));
  if (named && (named.group === "operator" || session.organization || place.org)) return named;
  const fallback = session.organization || place.org ? "usage" : "organizations";
  return /** @type {View} */ (VIEWS.find((view) => view.name === fallback));
}
