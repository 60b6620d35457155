/** The shown part of the ledger as CSV: texts that a spreadsheet would run as a formula are escaped, amounts are exact. */

const HEADER = ["seq", "kind", "pending", "grant", "grant_name", "amount", "balance", "effective_at", "recorded_at", "invoice", "note", "by_day", "hash", "previous_hash"];
const NUMBERS = new Set(["seq", "amount", "balance"]);
const FORMULA = /^[=+\-@\u0000-\u001f]/;

/** @param {string} text */
const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** @param {string} name @param {unknown} value */
function cell(name, value) {
  if (value === null || value === undefined) return "";
  const text = String(value);
  return quoted(!NUMBERS.has(name) && FORMULA.test(text) ? `'${text}` : text);
}

/** Write entries of the ledger with CRLF line ends (RFC 4180). @param {any[]} entries @param {(grant: string) => string} nameOf */
export function ledgerCsv(entries, nameOf) {
  const rows = entries.map((entry) => {
    const days = entry.by_day && Object.entries(entry.by_day).map(([day, amount]) => `${day} ${amount}`).join("; ");
    const shown = { ...entry, grant_name: nameOf(entry.grant), by_day: days };
    return HEADER.map((name) => cell(name, shown[name]));
  });
  return [HEADER, ...rows].map((row) => `${row.join(",")}\r\n`).join("");
}
