/** Loads what a part of the page shows, and keeps showing it while it is asked for anew. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { usePresses, useTick } from "./clock.js";

/**
 * @template T
 * @typedef {{value: T | undefined, problem: import("./api.js").Problem | null, isLoading: boolean, retry: () => void}} Loaded
 * `value` is the last one that came, also beside a `problem`. For another thing altogether (another organization),
 * give the component another `key`, so that nothing of the old one is shown.
 */

/**
 * Load by a function whenever one of `inputs` changes, and with every refresh of the page; with `live: "by-hand"` only
 * with those that a reader asks for.
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} load @param {any[]} inputs @param {{live?: boolean | "by-hand"}} [options]
 * @returns {Loaded<T>}
 */
export function useLoad(load, inputs, { live = true } = {}) {
  const [state, set] = useState(/** @type {Omit<Loaded<T>, "retry">} */ ({ value: undefined, problem: null, isLoading: true }));
  const [attempt, setAttempt] = useState(0);
  const [tick, presses] = [useTick(), usePresses()];
  useEffect(() => {
    const abort = new AbortController();
    set((old) => ({ ...old, isLoading: true }));
    load(abort.signal).then(
      (value) => abort.signal.aborted || set({ value, problem: null, isLoading: false }),
      (problem) => abort.signal.aborted || set((old) => ({ value: old.value, problem, isLoading: false })),
    );
    return () => abort.abort();
  }, [...inputs, attempt, live === "by-hand" ? presses : live ? tick : 0]);
  return { ...state, retry: useCallback(() => setAttempt((count) => count + 1), []) };
}
