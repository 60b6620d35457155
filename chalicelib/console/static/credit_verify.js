/** Whether the ledger is sound: the server checks it part by part, once per visit and on demand. */
import { useEffect, useState } from "preact/hooks";
import { get } from "./api.js";
import { formatDecimal } from "./decimal.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { Badge, Failure, capital } from "./ui.js";

/** @typedef {{entries: number, valid: boolean, first_invalid_seq: number | null, wrong: string | null, wrong_invoice: string | null, wrong_grants: string[], head_hash: string | null}} Verification */

/** @type {Record<string, string>} */
const WRONG = {
  entry: "another entry belongs at this place",
  end: "the ledger does not end where its head says",
  invoice: "an invoice noted another entry at this place",
  balances: "all entries are right, but a stored balance is not what they add up to",
};

/** @param {number} count */
const entries = (count) => `${formatDecimal(String(count))} ${count === 1 ? "entry" : "entries"}`;

/** @param {string} root */
function useVerification(root) {
  const [attempt, setAttempt] = useState(0);
  const [state, set] = useState(/** @type {{found: Verification | null, isDone: boolean, problem: any}} */ ({ found: null, isDone: false, problem: null }));
  useEffect(() => {
    const abort = new AbortController();
    set({ found: null, isDone: false, problem: null });
    (async () => {
      let cursor = null;
      do {
        const found = await get(`${root}/verify`, { cursor }, abort.signal);
        cursor = found.valid ? found.next_cursor : null;
        set({ found, isDone: cursor === null, problem: null });
      } while (cursor !== null);
    })().catch((problem) => abort.signal.aborted || set((old) => ({ ...old, problem })));
    return () => abort.abort();
  }, [root, attempt]);
  return { ...state, again: () => setAttempt((count) => count + 1) };
}

/** @param {{root: string}} props */
export function Verified({ root }) {
  const { found, isDone, problem, again } = useVerification(root);
  if (problem) return html`<div class="verified"><${Failure} problem=${problem} retry=${again} what="The verification of the ledger" /></div>`;
  const isWrong = found !== null && !found.valid;
  return html`<div class="verified">
    ${isWrong && html`<${Broken} found=${found} />`}
    <div class="verified-line" aria-live="polite">
      ${!isDone && html`<${Badge} icon="clock">Verifying the ledger …${found && found.entries > 0 ? ` ${entries(found.entries)} so far` : ""}<//>`}
      ${isDone && !isWrong && html`<${Badge} tone="good" icon="shield">Ledger verified: ${entries(found?.entries ?? 0)}<//>`}
      ${isWrong && html`<${Badge} tone="bad" icon="warning">Ledger not valid<//>`}
      <button type="button" class="plain" disabled=${!isDone} onClick=${again}><${Icon} name="refresh" />Verify again</button>
    </div>
    <details class="explain"><summary>What is verified, and how to check it yourself</summary>
      <p>Each entry carries a SHA-256 hash over itself and the entry before it; the server has computed all of them anew, compared them with what
        finalized invoices noted, and added up every balance, so an entry that was changed, removed, moved or inserted shows.</p>
      <p>Anybody can check it without trusting the server: export the ledger with <code>python -m local export-ledger</code>, then run${" "}
        <code>python local/verify_ledger.py ledger.jsonl</code>, one file that needs Python and nothing else.</p>
      ${found?.head_hash && html`<p>Hash of the last entry: <code class="hash">${found.head_hash}</code></p>`}</details>
  </div>`;
}

/** @param {{found: Verification}} props */
function Broken({ found }) {
  return html`<div class="notice bad" role="alert"><${Icon} name="warning" /><div>
    <strong>The ledger is not valid${found.first_invalid_seq === null ? "" : ` from entry ${formatDecimal(String(found.first_invalid_seq))} on`}.</strong>
    ${" "}${capital(WRONG[found.wrong ?? ""] ?? "something in it was changed")}. ${entries(found.entries)} before that ${found.entries === 1 ? "is" : "are"} right.
    ${found.wrong_invoice && html` The invoice is <code>${found.wrong_invoice}</code>.`}
    ${found.wrong_grants.length > 0 && html` The grants are <code dir="auto">${found.wrong_grants.join(", ")}</code>.`}
    ${" "}Tell whoever runs this service; do not rely on these figures.</div></div>`;
}
