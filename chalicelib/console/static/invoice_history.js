/** The invoices of an organization, newest first, drafts on top. */
import { useState } from "preact/hooks";
import { at, list } from "./api.js";
import { Money } from "./figures.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { FILTERS, Live, State, filterParams, periodOf, titleOf } from "./invoice_words.js";
import { useLoad } from "./load.js";
import { Link, go } from "./place.js";
import { Choice, Empty, Loaded, More } from "./ui.js";

const [FIRST, NEXT] = [25, 100];

/**
 * Load the first rows, and more when they are asked for. A refresh reads all that are shown: any of them may have been paid.
 * @param {string} organization @param {string | undefined} state
 */
export function useHistory(organization, state) {
  const path = at`organizations/${organization}/invoices`;
  const [asked, ask] = useState({ state, most: FIRST });
  const most = asked.state === state ? asked.most : FIRST;
  const loaded = useLoad(async (signal) => ({ state, most, ...(await list(path, filterParams(state), { most, signal })) }), [path, state, most]);
  // While another state is asked for, the rows of the old one are not shown as if they had it.
  const value = loaded.value?.state === state ? loaded.value : undefined;
  const isGrowing = value !== undefined && value.most < most;
  const onMore = () => (isGrowing ? loaded.retry() : ask({ state, most: (value?.data.length ?? 0) + NEXT }));
  const more = { isLoading: isGrowing && loaded.isLoading, problem: isGrowing && !loaded.isLoading ? loaded.problem : null };
  return { ...loaded, problem: isGrowing ? null : loaded.problem, value: value && { rows: value.data, hasMore: value.more }, onMore, more };
}

/**
 * @param {{history: ReturnType<typeof useHistory>, selected: any, selectedId: string | null, organization: any, state?: string, action?: any}} props
 * `selected` is the selected invoice as it was read last, which is shown in its row
 */
export function History({ history, selected, selectedId, organization, state, action }) {
  const [isOpen, setOpen] = useState(false);
  const { timezone } = organization;
  return html`<section class="card invoice-history" aria-labelledby="invoice-history">
    <header class="card-head"><h2 id="invoice-history">Invoice history</h2>${action}</header>
    <button type="button" class="invoice-fold" aria-expanded=${isOpen} aria-controls="invoice-list" onClick=${() => setOpen(!isOpen)}>
      <span>${selected ? html`${titleOf(selected)} · ${periodOf(selected.period, timezone)}` : "Choose an invoice"}</span><${Icon} name="down" /></button>
    <div id="invoice-list" class=${isOpen ? "open" : ""}>
      <${Choice} label="Status" value=${state ?? ""} options=${[{ value: "", label: "All" }, ...FILTERS]}
        onChange=${(/** @type {string} */ value) => go({ status: value, invoice: null, line: null })} />
      <${Loaded} loaded=${history} what="The invoice history" lines=${6}>
        ${(/** @type {any} */ { rows, hasMore }) => html`
          ${rows.length === 0 && html`<${NoRows} state=${state} />`}
          <ul class="invoice-rows">${rows.map(
            (/** @type {any} */ each) => html`<${Row} key=${each.id} invoice=${each.id === selected?.id ? selected : each} isSelected=${each.id === selectedId} timezone=${timezone} onFollow=${() => setOpen(false)} />`,
          )}</ul>
          ${history.more.problem && html`<p class="fault" role="alert"><${Icon} name="warning" /><span dir="auto">More could not be loaded: ${history.more.problem.message}</span></p>`}
          <${More} more=${hasMore} isLoading=${history.more.isLoading} onMore=${history.onMore} />`}
      <//>
    </div>
  </section>`;
}

/** @param {{state?: string}} props */
function NoRows({ state }) {
  if (!state) return html`<${Empty} title="No invoices yet" />`;
  return html`<${Empty} title="No invoice has this status" action=${html`<${Link} to=${{ status: null }}>Show all invoices<//>`} />`;
}

/** @param {{invoice: any, isSelected: boolean, timezone: string, onFollow: () => void}} props */
function Row({ invoice, isSelected, timezone, onFollow }) {
  const isDraft = invoice.status === "draft";
  return html`<li><${Link} to=${{ invoice: invoice.id, line: null }} aria-current=${isSelected ? "true" : null} onFollow=${onFollow}>
    ${isDraft ? html`<${State} invoice=${invoice} />` : html`<strong dir="auto" title=${invoice.number}>${invoice.number}</strong>`}
    <${Live} of=${invoice.total}><${Money} amount=${invoice.total} currency=${invoice.currency} /><//>
    <small>${periodOf(invoice.period, timezone)}</small>
    ${!isDraft && html`<${State} invoice=${invoice} />`}
  <//></li>`;
}
