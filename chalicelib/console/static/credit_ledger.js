/** The ledger, newest entry first, with what drafts are about to draw before it. */
import { useState } from "preact/hooks";
import { save } from "./api.js";
import { ledgerCsv } from "./credit_csv.js";
import { DayRange, Named, Unfold, When, rangeOf, toggled } from "./credit_parts.js";
import { useRows } from "./credit_rows.js";
import { Money } from "./figures.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { Link } from "./place.js";
import { formatDay } from "./time.js";
import { Badge, Card, Empty, Loaded, More, Table } from "./ui.js";

/** @typedef {import("./credit_parts.js").Credits} Credits */

/** @type {Record<string, string>} */
const KINDS = {
  grant: "Credit given",
  carried: "Carried to credit",
  drawdown: "Used",
  reversal: "Given back",
  expiry: "Expired",
  void: "Voided",
};
const HEAD = ["Effective", "Movement and grant", "Invoice and note", { text: "Amount", numeric: true }, { text: "Balance", numeric: true }];

/** @param {any} entry */
const keyOf = (entry) => (entry.pending ? `${entry.invoice} ${entry.grant} ${entry.kind}` : String(entry.seq));

/** @param {{of: Credits, place: import("./place.js").Place}} props */
export function Ledger({ of, place }) {
  const range = rangeOf(place, "ledger");
  return html`<${Card} title="Ledger" class="credit-ledger" aside=${`Times in ${of.timezone}`}>
    <div class="toolbar"><${DayRange} name="ledger" label="Recorded" range=${range} clear="All entries" /></div>
    ${!range.isEmpty && html`<${Entries} of=${of} range=${range} />`}
  <//>`;
}

/** @param {{of: Credits, range: ReturnType<typeof rangeOf>}} props */
function Entries({ of, range }) {
  const [open, setOpen] = useState(/** @type {Set<string>} */ (new Set()));
  const ledger = useRows(`${of.root}/ledger`, { from: range.from, to: range.to, include_pending: true });
  const rows = ledger.value?.rows ?? [];
  const write = () => save(new Blob([ledgerCsv(rows, of.nameOf)], { type: "text/csv" }), `${of.organization.id}-credit-ledger.csv`);
  return html`<${Loaded} loaded=${ledger} what="The ledger" lines=${8}>
    ${() => rows.length === 0 && !ledger.value?.more
      ? html`<${Empty} title=${range.from || range.last ? "No entries in this range" : "No entries yet"}>${range.from || range.last ? "Choose other days, or see all entries." : "Every movement of credit is going to be an entry here."}<//>`
      : html`<div class=${ledger.isOther ? "stale" : ""} aria-busy=${ledger.isOther}>
          <${Table} label="Ledger entries" class="entries" head=${HEAD}>
            ${rows.map((entry) => html`<${Entry} key=${keyOf(entry)} of=${of} entry=${entry} isOpen=${open.has(keyOf(entry))} onToggle=${() => setOpen(toggled(open, keyOf(entry)))} />`)}
          <//>
          <${More} more=${ledger.value?.more ?? false} isLoading=${ledger.isGrowing} onMore=${ledger.showMore} label="Show older entries" />
          <p class="csv"><button type="button" onClick=${write}><${Icon} name="download" />CSV of the ${rows.length} ${rows.length === 1 ? "entry" : "entries"} shown</button></p></div>`}
  <//>`;
}

/** @param {{of: Credits, entry: any, isOpen: boolean, onToggle: () => void}} props */
function Entry({ of, entry, isOpen, onToggle }) {
  const { currency, timezone } = of;
  const kind = KINDS[entry.kind] ?? entry.kind;
  const name = of.nameOf(entry.grant);
  return html`<tr class=${entry.pending ? "pending" : ""}>
      <td class="when"><${When} at=${entry.effective_at} timezone=${timezone} />
        <small class="quiet">${entry.pending ? "not booked yet" : entry.recorded_at !== entry.effective_at ? html`recorded <${When} at=${entry.recorded_at} timezone=${timezone} />` : null}</small></td>
      <td class="movement">${entry.by_day ? html`<${Unfold} isOpen=${isOpen} onToggle=${onToggle} label=${`${kind}, ${name}: by day`}>${kind}<//>` : html`<span>${kind}</span>`}
        ${entry.pending ? html`<${Badge} tone="live" icon="clock">Pending<//>` : html`<small class="quiet seq">#${entry.seq}</small>`}
        <p><${Named} name=${name} /></p></td>
      <td class="reference">${entry.invoice && html`<${Link} to=${{ view: "invoices", invoice: entry.invoice }}>${entry.pending ? "Draft invoice" : "Invoice"}<span class="hidden"> ${entry.invoice}</span><//>`}
        ${entry.note && html`<span class="note" dir="auto">${entry.note}</span>`}</td>
      <td class="numeric amount"><${Money} amount=${entry.amount} currency=${currency} /></td>
      <td class="numeric balance">${entry.balance === null ? html`<span class="quiet none">–<span class="hidden">none yet</span></span>` : html`<span class="narrow-label">Balance </span><${Money} amount=${entry.balance} currency=${currency} />`}</td>
    </tr>
    ${isOpen && entry.by_day && html`<tr class="by-day"><td colspan="5"><${ByDay} entry=${entry} currency=${currency} /></td></tr>`}`;
}

/** @param {{entry: any, currency: string}} props */
function ByDay({ entry, currency }) {
  return html`<dl>${Object.entries(entry.by_day).map(
    ([day, amount]) => html`<div key=${day}><dt><time datetime=${day}>${formatDay(day)}</time></dt><dd><${Money} amount=${amount} currency=${currency} /></dd></div>`,
  )}</dl>`;
}

/** @type {Record<string, string>} */
const AHEAD = { effective: "becomes available", recurs: "comes again", expires: "expires" };
/** @type {Record<string, string>} */
const AHEAD_ICON = { effective: "plus", recurs: "refresh", expires: "clock" };

/** What becomes available, recurs or expires, soonest first. @param {{of: Credits, schedule: import("./credit_rows.js").Rows}} props */
export function Schedule({ of, schedule }) {
  return html`<${Card} title="Schedule" class="credit-schedule">
    <${Loaded} loaded=${schedule} what="The schedule" lines=${4}>
      ${(/** @type {any} */ { rows, more }) => rows.length === 0
        ? html`<${Empty} title="Nothing lies ahead">No credit becomes available, recurs or expires.<//>`
        : html`<ol class="ahead">${rows.map((/** @type {any} */ each) => html`<li key=${`${each.at} ${each.grant} ${each.kind}`} class=${each.kind}>
              <${Icon} name=${AHEAD_ICON[each.kind] ?? "dot"} />
              <div><p><strong><${Money} amount=${each.amount} currency=${of.currency} /></strong> ${AHEAD[each.kind] ?? each.kind}</p>
                <p class="quiet"><${Named} name=${of.nameOf(each.grant)} /></p></div>
              <${When} at=${each.at} timezone=${of.timezone} /></li>`)}</ol>
            <${More} more=${more} isLoading=${schedule.isGrowing} onMore=${schedule.showMore} />`}
    <//><//>`;
}
