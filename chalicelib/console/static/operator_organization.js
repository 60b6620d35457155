/** The fields of an organization, as a form asks for them. */

/** @typedef {import("./form.js").Field} Field */
/** @typedef {import("./form.js").Values} Values */

const MOST_RATES = 10;

/** @type {[name: string, label: string, more?: Partial<Field>][]} */
const DETAILS = [
  ["email", "E-mail", { placeholder: "billing@example.com" }],
  ["legal_name", "Legal name", { help: "As it stands on invoices; without it the name." }],
  ["address", "Address", { kind: "area" }],
  ["tax_id", "Tax ID"],
  ["purchase_order", "Purchase order"],
  ["invoice_note", "Note on invoices", { kind: "area" }],
];

/** The fields of what may be changed, filled from an organization. @param {any} [organization] @returns {Field[]} */
export function detailFields(organization = {}) {
  return [
    ...DETAILS.map(([name, label, more]) => ({ pointer: `/${name}`, label, value: organization[name] ?? "", ...more })),
    ...Array.from({ length: MOST_RATES }, (_, index) => rateFields(index, organization.tax_rates?.[index])).flat(),
  ];
}

/** A tax rate; the next one shows when this one is named. @param {number} index @param {any} [rate] @returns {Field[]} */
function rateFields(index, rate) {
  const isSeen = (/** @type {Values} */ values) => index === 0 || isRate(values, index - 1) || isRate(values, index);
  return [
    { pointer: `/tax_rates/${index}/name`, label: `Tax ${index + 1}`, value: rate?.name ?? "", placeholder: "VAT", shownIf: isSeen },
    { pointer: `/tax_rates/${index}/percent`, label: `Tax ${index + 1} in percent`, kind: "number", value: rate?.percent ?? "", placeholder: "19", shownIf: (values) => isRate(values, index) },
  ];
}

/** @param {Values} values @param {number} index */
const isRate = (values, index) => Boolean(values[`/tax_rates/${index}/name`] || values[`/tax_rates/${index}/percent`]);

/** @param {Values} values */
function ratesOf(values) {
  return Array.from({ length: MOST_RATES }, (_, index) => index)
    .filter((index) => isRate(values, index))
    .map((index) => ({ name: values[`/tax_rates/${index}/name`], percent: values[`/tax_rates/${index}/percent`] }));
}

/** The details that are given. @param {Values} values */
export function detailsOf(values) {
  const given = DETAILS.map(([name]) => [name, values[`/${name}`]]).filter(([, value]) => value);
  const rates = ratesOf(values);
  return { ...Object.fromEntries(given), ...(rates.length && { tax_rates: rates }) };
}

/** What was changed in the form, as the API takes it: null clears. What others changed meanwhile stays theirs. @param {Values} start @param {Values} values */
export function changesOf(start, values) {
  /** @type {Record<string, any>} */
  const changes = {};
  for (const name of ["name", ...DETAILS.map(([each]) => each)]) {
    const value = values[`/${name}`];
    if (value !== start[`/${name}`]) changes[name] = name === "name" ? value : value || null;
  }
  const rates = ratesOf(values);
  if (JSON.stringify(rates) !== JSON.stringify(ratesOf(start))) changes.tax_rates = rates;
  return changes;
}
