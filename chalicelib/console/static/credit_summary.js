/** What the credit comes to: a banner when it ends, figures, one bar, and the balance explained. */
import { useEffect, useState } from "preact/hooks";
import { compare, formatMoney, isZero, percentOf, sum } from "./decimal.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { Money } from "./figures.js";
import { Named, When } from "./credit_parts.js";
import { daysBetween, formatAway, formatDay, localDay } from "./time.js";
import { Bar, Card, Loaded, capital } from "./ui.js";
import { Verified } from "./credit_verify.js";

/** @typedef {import("./credit_parts.js").Credits} Credits */

const SOON_DAYS = 14;
const DAY_MS = 86_400_000;
const NAMED = 3;

/** In the order of the bar. */
const PARTS = ["consumed", "pending", "held", "expired", "voided", "remaining", "scheduled"];
const FIGURES = ["allocated", "consumed", "pending", "held", "remaining", "expired", "voided", "scheduled"];
const ONLY_IF_ANY = new Set(["held", "voided"]);
const BALANCE = ["remaining", "held", "pending", "scheduled", "unbooked"];

/** @type {Record<string, string>} */
const WORDS = { unbooked: "to be booked" };
/** @type {Record<string, string>} */
const MEANINGS = {
  allocated: "All credit that has become available so far, whatever became of it.",
  consumed: "What finalized invoices drew, less what came back.",
  pending: "What open drafts draw. It becomes consumed when they are finalized.",
  held: "Put aside for work that is running, until it is released.",
  remaining: "What can be drawn or held now.",
  expired: "What was not used in time.",
  voided: "What was taken back before it was used.",
  scheduled: "Credit that becomes available later.",
  unbooked: "What the ledger has yet to book: credit that has ended, less credit that has just come again.",
};

/** @param {string} name */
const wordOf = (name) => WORDS[name] ?? name;

/** @param {{of: Credits, balance: import("./load.js").Loaded<any>, next: any, action: any}} props */
export function Summary({ of, balance, next, action }) {
  const { value } = balance;
  return html`${value && html`<${Banner} of=${of} balance=${value} next=${next} />`}
    <${Card} title="Summary" class="credit-summary" aside=${action}>
      <${Loaded} loaded=${balance} what="The summary" lines=${5}>
        ${(/** @type {any} */ known) => html`<${Figures} of=${of} balance=${known} /><${Shares} balance=${known} /><${Explained} of=${of} balance=${known} />`}
      <//>
      <${Verified} root=${of.root} />
    <//>`;
}

/** @param {{of: Credits, balance: any}} props */
function Figures({ of, balance }) {
  const shown = FIGURES.filter((name) => !ONLY_IF_ANY.has(name) || !isZero(balance[name]));
  return html`<dl class="credit-figures">
    ${shown.map((name) => html`<div key=${name} class=${name === "remaining" ? "main" : ""}><dt title=${MEANINGS[name]}>${name !== "allocated" && html`<span class=${`swatch ${name}`}></span>`}${capital(name)}</dt>
      <dd><${Money} amount=${balance[name]} currency=${of.currency} /></dd></div>`)}
    <div class="depletion"><dt title="At the mean pace of the last 7 full days">Projected depletion</dt><dd>${depletion(of, balance)}</dd></div>
  </dl>`;
}

/** @param {Credits} of @param {any} balance */
function depletion(of, balance) {
  if (balance.depletes_on !== null) {
    const days = daysBetween(localDay(balance.as_of, of.timezone), balance.depletes_on);
    return html`<time datetime=${balance.depletes_on}>${formatDay(balance.depletes_on)}</time> <small class="quiet">${days <= 0 ? "today" : days === 1 ? "tomorrow" : `in ${days} days`}</small>`;
  }
  return html`<span class="quiet">${isZero(balance.allocated) ? "No credit yet" : isZero(balance.remaining) ? "Nothing remains" : "No depletion in sight"}</span>`;
}

/** @param {{balance: any}} props */
function Shares({ balance }) {
  const given = PARTS.filter((name) => compare(balance[name], "0") > 0);
  const whole = sum(given.map((name) => balance[name]));
  if (isZero(whole)) return null;
  const parts = given.map((name) => ({ name: `${capital(name)} ${percentOf(balance[name], whole, 1)}%`, percent: percentOf(balance[name], whole, 2) ?? "0", tone: name }));
  const told = parts.map((part) => part.name).join(", ");
  return html`<div class="credit-shares"><${Bar} label=${told} parts=${parts} /><p class="quiet"><small>${told}</small></p></div>`;
}

/** @param {{of: Credits, balance: any}} props */
function Explained({ of, balance }) {
  const parts = BALANCE.filter((name) => !isZero(balance[name]));
  const words = ["allocated", "consumed", ...BALANCE, "expired", "voided"];
  return html`<p class="credit-balance">Ledger balance <strong><${Money} amount=${balance.ledger_balance} currency=${of.currency} /></strong>
      ${parts.map((name, index) => html` <span key=${name} class="part" title=${MEANINGS[name]}>${index ? "+" : "="} ${wordOf(name)} <${Money} amount=${balance[name]} currency=${of.currency} /></span>`)}
      ${parts.length === 0 && ": it holds nothing yet"}</p>
    <details class="explain"><summary>What do these words mean?</summary>
      <dl>${words.map((name) => html`<div key=${name}><dt>${capital(wordOf(name))}</dt><dd>${MEANINGS[name]}</dd></div>`)}</dl></details>`;
}

/** Credit has run out, is about to, or expires. @param {{of: Credits, balance: any, next: any}} props */
function Banner({ of, balance, next }) {
  const end = Date.parse(balance.as_of) + SOON_DAYS * DAY_MS;
  const expiring = balance.expiring_soon.filter((/** @type {any} */ each) => Date.parse(each.expires_at) <= end);
  const isGone = isZero(balance.remaining) && !isZero(balance.allocated);
  const runsOut = balance.depletes_on !== null && !isGone && daysBetween(localDay(balance.as_of, of.timezone), balance.depletes_on) <= SOON_DAYS;
  return html`
    ${isGone && html`<div class="notice bad credit-banner gone" role="status"><${Icon} name="warning" /><div>
      <strong>Credits have run out.</strong> Of <${Money} amount=${balance.allocated} currency=${of.currency} />, <${Money} amount=${balance.remaining} currency=${of.currency} /> remains.
      ${next ? html` Next: <${Money} amount=${next.amount} currency=${of.currency} /> on <${When} at=${next.at} timezone=${of.timezone} />.` : next === null && " No further credit is scheduled."}</div></div>`}
    ${runsOut && html`<div class="notice warn credit-banner runs-out" role="status"><${Icon} name="clock" /><div>
      <strong>Credits run out on ${formatDay(balance.depletes_on)}</strong> at the pace of the last 7 days: <${Money} amount=${balance.remaining} currency=${of.currency} /> remains.</div></div>`}
    ${expiring.length > 0 && html`<${Expiring} of=${of} expiring=${expiring} asOf=${balance.as_of} />`}`;
}

/** @param {{of: Credits, expiring: any[], asOf: string}} props */
function Expiring({ of, expiring, asOf }) {
  const [areAllShown, showAll] = useState(false);
  useEffect(() => showAll(false), [of.root]);
  const total = sum(expiring.map((each) => each.amount));
  const shown = areAllShown ? expiring : expiring.slice(0, NAMED);
  return html`<div class="notice warn credit-banner expiring" role="status"><${Icon} name="clock" /><div>
    <strong>${formatMoney(total, of.currency)} expires within ${SOON_DAYS} days</strong> unless it is used:
    <ul>${shown.map((each) => html`<li key=${each.grant}><${Money} amount=${each.amount} currency=${of.currency} /> of <${Named} name=${of.nameOf(each.grant)} /> on <${When} at=${each.expires_at} timezone=${of.timezone} /> (${formatAway(each.expires_at, new Date(asOf))})</li>`)}</ul>
    ${shown.length < expiring.length && html`<button type="button" onClick=${() => showAll(true)}>Show ${expiring.length - shown.length} more</button>`}</div></div>`;
}
