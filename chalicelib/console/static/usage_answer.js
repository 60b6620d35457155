/** Asks for the usage of all meters at once; where that fails, for one meter at a time, so that one fault stays one. */
import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "./api.js";
import { useLoad } from "./load.js";

const LANES = 4;

/**
 * @typedef {import("./usage_query.js").Question} Question
 * @typedef {{question: Question, answer: any | null}} Asked `answer` is null where the meters must be asked for one by one
 * @typedef {{key: string, name: string, usage?: any, answer?: any, problem?: import("./api.js").Problem | null, retry?: () => void}} Entry
 */

/** Whether less might be answered where all of it was not. @param {any} problem */
const mayBeSplit = (problem) => problem.code === "range-too-large" || problem.status >= 500;

/**
 * Ask for everything; a refresh that fails keeps what was there.
 * @param {string} path @param {Question} question
 */
export function useUsage(path, question) {
  const good = useRef("");
  return useLoad(
    async (signal) => {
      try {
        const answer = await get(path, question.params, signal);
        good.current = question.id;
        return /** @type {Asked} */ ({ question, answer });
      } catch (problem) {
        if (!mayBeSplit(problem) || good.current === question.id) throw problem;
        return /** @type {Asked} */ ({ question, answer: null });
      }
    },
    [path, question.id],
  );
}

/**
 * Ask for each meter alone, four at a time, anew whenever `asked` is. What a meter had stays until its next answer.
 * @param {string} path @param {Asked | null} asked @param {{key: string, name: string}[]} meters @returns {Entry[]}
 */
export function useSplitUsage(path, asked, meters) {
  const [found, set] = useState(/** @type {{id: string, entries: Record<string, Partial<Entry>>}} */ ({ id: "", entries: {} }));
  const askOne = useRef(/** @type {(key: string) => Promise<void>} */ (async () => undefined));
  const keys = meters.map((each) => each.key);
  useEffect(() => {
    if (asked === null) return undefined;
    const abort = new AbortController();
    const { id, params } = asked.question;
    const put = (/** @type {string} */ key, /** @type {Partial<Entry>} */ entry) =>
      set((old) => ({ id, entries: { ...(old.id === id ? old.entries : {}), [key]: { ...(old.id === id ? old.entries[key] : {}), ...entry } } }));
    askOne.current = async (key) => {
      try {
        const answer = await get(path, { ...params, meter: key }, abort.signal);
        put(key, { usage: answer.data[0], answer, problem: null });
      } catch (problem) {
        if (!abort.signal.aborted) put(key, { problem: /** @type {any} */ (problem) });
      }
    };
    const waiting = [...keys];
    const work = async () => {
      for (let key = waiting.shift(); key !== undefined && !abort.signal.aborted; key = waiting.shift()) await askOne.current(key);
    };
    for (let lane = 0; lane < LANES; lane += 1) void work();
    return () => abort.abort();
  }, [asked, keys.join()]);
  const entries = found.id === asked?.question.id ? found.entries : {};
  const retry = (/** @type {string} */ key) => {
    set((old) => ({ ...old, entries: { ...old.entries, [key]: { ...old.entries[key], problem: null } } }));
    void askOne.current(key);
  };
  return meters.map(({ key, name }) => ({ key, name, ...entries[key], retry: () => retry(key) }));
}
