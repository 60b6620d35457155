/** An invoice to take along: PDF, CSV, paper. */
import { useState } from "preact/hooks";
import { at, download } from "./api.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";

const KINDS = /** @type {const} */ ([
  ["pdf", "PDF", "application/pdf"],
  ["csv", "CSV", "text/csv"],
]);

/** @param {{invoice: any}} props */
export function Documents({ invoice }) {
  const [busy, setBusy] = useState("");
  const [problem, setProblem] = useState(/** @type {Error | null} */ (null));
  const fetchAs = async (/** @type {string} */ kind, /** @type {string} */ accept) => {
    setBusy(kind);
    setProblem(null);
    try {
      const name = `${(invoice.number ?? invoice.id).replace(/[^A-Za-z0-9._-]/g, "-")}.${kind}`;
      await download(at`invoices/${invoice.id}/${kind}`, { accept, name });
    } catch (fault) {
      setProblem(/** @type {Error} */ (fault));
    } finally {
      setBusy("");
    }
  };
  return html`<div class="invoice-documents">
    ${KINDS.map(
      ([kind, label, accept]) => html`<button type="button" key=${kind} disabled=${busy === kind} aria-label=${`Download ${label}`} onClick=${() => fetchAs(kind, accept)}>
        <${Icon} name="download" />${label}</button>`,
    )}
    <button type="button" onClick=${() => print()}><${Icon} name="print" />Print</button>
    ${problem && html`<p class="fault" role="alert"><${Icon} name="warning" /><span dir="auto">The document could not be fetched: ${problem.message}</span></p>`}
  </div>`;
}
