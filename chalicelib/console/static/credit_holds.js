/** Holds: credit put aside for work that is running. */
import { CreateHold, ReleaseHold } from "./credit_actions.js";
import { Named, When } from "./credit_parts.js";
import { useRows } from "./credit_rows.js";
import { Money } from "./figures.js";
import { ActionButton } from "./form.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { serverNow } from "./clock.js";
import { formatAway } from "./time.js";
import { Card, Empty, Loaded, More } from "./ui.js";

/** Shown when there are open holds, or one could be made. @param {{of: import("./credit_parts.js").Credits}} props */
export function Holds({ of }) {
  const holds = useRows(`${of.root}/holds`, { status: "open" });
  const isNone = holds.value?.rows.length === 0 && !holds.value.more;
  if (isNone && !of.mayAct) return null;
  const make = of.mayAct && html`<${ActionButton} label=${html`<${Icon} name="plus" />Put credit aside`} dialog=${(/** @type {() => void} */ close) => html`<${CreateHold} of=${of} onClose=${close} />`} />`;
  return html`<${Card} title="Holds" class="credit-holds" aside=${make || null}>
    <${Loaded} loaded=${holds} what="The holds" lines=${2}>
      ${() => isNone
        ? html`<${Empty} title="No open holds">A hold puts credit aside for work that is running, so that nothing else uses it.<//>`
        : html`<ul class="holds">${holds.value?.rows.map((hold) => html`<li key=${hold.id}>
              <div><p><strong><${Money} amount=${hold.amount} currency=${of.currency} /></strong> for <${Named} name=${hold.reference} /></p>
                <p class="quiet"><small>${hold.grants.map((/** @type {any} */ part, /** @type {number} */ index) => html`<span key=${part.grant}>${index ? ", " : "of "}<${Named} name=${of.nameOf(part.grant)} /></span>`)}</small></p></div>
              <p>until <${When} at=${hold.expires_at} timezone=${of.timezone} /> <small class="quiet">${formatAway(hold.expires_at, serverNow())}</small></p>
              ${of.mayAct && html`<${ActionButton} label="Release" title=${`Release ${hold.reference}`} dialog=${(/** @type {() => void} */ close) => html`<${ReleaseHold} of=${of} hold=${hold} onClose=${close} />`} />`}
            </li>`)}</ul>
          <${More} more=${holds.value?.more ?? false} isLoading=${holds.isGrowing} onMore=${holds.showMore} />`}
    <//><//>`;
}
