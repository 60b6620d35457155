/**
 * The time as the server tells it. A reader's clock may be wrong, and the local server's may stand still, so every
 * answer with an `as_of` sets this one.
 */
import { useEffect, useState } from "preact/hooks";

const REFRESH_MS = 30_000;

let asOf = /** @type {string | null} */ (null);
let heardMs = 0;
let ticks = 0;
let presses = 0;
let refreshedMs = Date.now();
/** @type {Set<() => void>} */
const listeners = new Set();

function tell() {
  listeners.forEach((listener) => listener());
}

/**
 * Hear the time of an answer. What is closed answers as of its closing, so an earlier time than the known one is not now,
 * unless the answer is surely of now: then the server's clock was set back.
 * @param {string | undefined} instant RFC 3339 @param {boolean} [isNow]
 */
export function noteServerTime(instant, isNow = false) {
  if (typeof instant !== "string") return;
  const backMs = asOf === null ? 0 : Date.parse(asOf) - Date.parse(instant);
  if (backMs > 0 && !(isNow && backMs >= REFRESH_MS)) return;
  asOf = instant;
  heardMs = Date.now();
  tell();
}

/** The server's time now; before its first answer the reader's own. @returns {Date} */
export function serverNow() {
  return asOf === null ? new Date() : new Date(Date.parse(asOf) + Math.max(0, Date.now() - heardMs));
}

/** Ask for everything on the page anew. */
export function refresh() {
  presses += 1;
  tick();
}

function tick() {
  ticks += 1;
  refreshedMs = Date.now();
  tell();
}

function refreshIfSeen() {
  if (!document.hidden && navigator.onLine) tick();
}

/** Refresh every 30 s while the page is seen, and at once when it is seen again or online again. */
export function startRefreshing() {
  setInterval(refreshIfSeen, REFRESH_MS);
  addEventListener("online", refreshIfSeen);
  document.addEventListener("visibilitychange", () => {
    if (Date.now() - refreshedMs >= REFRESH_MS) refreshIfSeen();
  });
}

/** @template T @param {() => T} read */
function useRead(read) {
  const [value, set] = useState(read);
  useEffect(() => {
    const listener = () => set(read);
    listener();
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, []);
  return value;
}

/** A number that changes with every refresh. */
export const useTick = () => useRead(() => ticks);

/** A number that changes with every refresh that was asked for, and not with those that come by themselves. */
export const usePresses = () => useRead(() => presses);

/** The `as_of` of the newest answer, or null. */
export const useAsOf = () => useRead(() => asOf);

/** Whether the browser is online. */
export function useOnline() {
  const [online, set] = useState(navigator.onLine);
  useEffect(() => {
    const listener = () => set(navigator.onLine);
    addEventListener("online", listener);
    addEventListener("offline", listener);
    return () => {
      removeEventListener("online", listener);
      removeEventListener("offline", listener);
    };
  }, []);
  return online;
}
