/** What the parts of the Credits tab load: rows that grow on demand and stay when the page refreshes, and names. */
import { useMemo, useState } from "preact/hooks";
import { address, at, get, list } from "./api.js";
import { useLoad } from "./load.js";

const PAGE = 200;
const MORE = 100;
const MOST_GRANTS = 5000;

/**
 * @typedef {{rows: any[], more: boolean, key: string, count: number}} RowsRead
 * @typedef {import("./load.js").Loaded<RowsRead> & {isOther: boolean, isGrowing: boolean, showMore: () => void}} Rows
 * `isOther` while the rows are still those of other parameters
 */

/** @param {string} path @param {Record<string, any>} params @param {number} wanted @param {AbortSignal} signal */
async function readRows(path, params, wanted, signal) {
  /** @type {any[]} */
  const rows = [];
  let cursor = null;
  do {
    const page = await get(path, { ...params, limit: Math.min(PAGE, wanted - rows.length), cursor }, signal);
    rows.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor !== null && rows.length < wanted);
  return { rows, more: cursor !== null };
}

/**
 * Load the first rows of a list, and more on demand. A refresh reads as many again as are shown.
 * @param {string} path @param {Record<string, any>} [params] @param {{first?: number}} [options] @returns {Rows}
 */
export function useRows(path, params = {}, { first = 50 } = {}) {
  const key = address(path, params).href;
  const [asked, ask] = useState({ key, count: first });
  const count = asked.key === key ? asked.count : first;
  const loaded = useLoad(async (signal) => ({ key, count, ...(await readRows(path, params, count, signal)) }), [key, count]);
  const isOther = loaded.value !== undefined && loaded.value.key !== key;
  return {
    ...loaded,
    value: isOther && loaded.problem ? undefined : loaded.value,
    isOther,
    isGrowing: loaded.value !== undefined && !isOther && loaded.value.count < count && loaded.isLoading,
    showMore: () => ask({ key, count: count + MORE }),
  };
}

/**
 * Names of grants by id; of an occurrence to come the name of its series, of an unknown grant the id.
 * A list too long for the shown rows is read once to its end, and again when more credit has been given.
 * @param {string} root @param {Rows} grants @param {any} balance
 */
export function useGrantNames(root, grants, balance) {
  const isLong = grants.value?.more ?? false;
  const given = `${balance?.allocated} ${balance?.scheduled}`;
  const read = (/** @type {AbortSignal} */ signal) => (isLong ? list(`${root}/grants`, {}, { most: MOST_GRANTS, signal }) : Promise.resolve(null));
  const all = useLoad(read, [isLong, isLong && given], { live: false });
  return useMemo(() => {
    const names = new Map([...(all.value?.data ?? []), ...(grants.value?.rows ?? [])].map((grant) => [grant.id, grant.name]));
    return (/** @type {string} */ id) => names.get(id) ?? names.get(id.replace(/\.\d+$/, "")) ?? id;
  }, [all.value, grants.value]);
}

const CURRENT = new Set(["active", "cancelling", "trial"]);

/**
 * The usage charges of the current subscription's plan, each with the dimension that decides about its price; null
 * without a subscription.
 * @typedef {{key: string, name: string, type: string, unit: string | null, dimension: string | null, values: string[]}} Charge
 * @param {any} organization @param {AbortSignal} signal @returns {Promise<Charge[] | null>}
 */
export async function readCharges(organization, signal) {
  const { data } = await list(at`organizations/${organization.id}/subscriptions`, {}, { signal });
  const current = data.find((each) => CURRENT.has(each.status));
  if (!current) return null;
  const [plan, meters] = await Promise.all([get(at`plans/${current.plan}/versions/${current.version}`, {}, signal), list("meters", {}, { signal })]);
  const units = new Map(meters.data.map((meter) => [meter.key, meter.unit]));
  return plan.charges.map((/** @type {any} */ charge) => {
    const by = current.overrides?.charges?.[charge.key]?.prices_by ?? charge.prices_by;
    return { key: charge.key, name: charge.name, type: charge.type, unit: units.get(charge.meter) ?? null, dimension: by?.dimension ?? null, values: Object.keys(by?.prices ?? {}) };
  });
}
