/** Parts that the operator and settings views share: lists by pages, search, facts, what is shown once. */
import { useEffect, useRef, useState } from "preact/hooks";
import { list } from "./api.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { useLoad } from "./load.js";
import { formatInstant } from "./time.js";
import { Dialog, Loaded, More, Table } from "./ui.js";

const FIRST = 50;
const PAUSE_MS = 250;

/**
 * Load the first items of a list, and twice as many with each `onMore`; another question begins anew.
 * @param {string} path @param {Record<string, any>} params
 * @param {{read?: (path: string, params: Record<string, any>, options: {most?: number, signal?: AbortSignal}) => Promise<{data: any[], more: boolean}>, live?: boolean | "by-hand"}} [options]
 */
export function usePages(path, params, { read = list, live = true } = {}) {
  const question = JSON.stringify([path, params]);
  const [wanted, want] = useState({ question, count: FIRST });
  const count = wanted.question === question ? wanted.count : FIRST;
  const loaded = useLoad(async (signal) => ({ ...(await read(path, params, { most: count, signal })), question }), [question, count], { live });
  const isOld = loaded.value !== undefined && loaded.value.question !== question;
  // Where the new question was not answered, the rows of the old one would stand under its name.
  return { loaded: isOld && loaded.problem ? { ...loaded, value: undefined } : loaded, isOld, onMore: () => want({ question, count: count * 2 }) };
}

/**
 * A list as a table, with its states.
 * @param {{pages: ReturnType<typeof usePages>, what: string, label: string, head: any[], empty: any, row: (item: any) => any, above?: (data: any[], more: boolean) => any}} props
 */
export function Pages({ pages, what, label, head, empty, row, above }) {
  return html`<${Loaded} loaded=${pages.loaded} what=${what} lines=${6}>
    ${(/** @type {{data: any[], more: boolean}} */ { data, more }) => html`<div class="answers" aria-busy=${pages.isOld}>${
      data.length === 0 && !more
        ? empty
        : html`${above?.(data, more)}<${Table} label=${`Table: ${label}`} head=${head} class="listed">${data.map(row)}<//>
            <${More} more=${more} isLoading=${pages.loaded.isLoading} onMore=${pages.onMore} />`}</div>`}
  <//>`;
}

/**
 * A field that searches while one types.
 * @param {{label: string, value: string, onSearch: (text: string) => void, icon?: boolean}} props
 */
export function SearchField({ label, value, onSearch, icon = true }) {
  const [text, setText] = useState(value);
  const told = useRef(value);
  useEffect(() => {
    if (value !== told.current) setText(value);
    told.current = value;
  }, [value]);
  // What is searched for may have changed elsewhere while this waits.
  const tell = useRef(onSearch);
  tell.current = onSearch;
  useEffect(() => {
    if (text.trim() === told.current) return undefined;
    const waiting = setTimeout(() => {
      told.current = text.trim();
      tell.current(told.current);
    }, PAUSE_MS);
    return () => clearTimeout(waiting);
  }, [text]);
  const heard = (/** @type {any} */ event) => setText(event.currentTarget.value);
  return icon
    ? html`<label class="search"><${Icon} name="search" /><span class="hidden">${label}</span><input type="search" placeholder=${label} value=${text} onInput=${heard} /></label>`
    : html`<label class="filter"><span>${label}</span><input type="text" dir="auto" autocomplete="off" value=${text} onInput=${heard} /></label>`;
}

/** A local day. @param {{label: string, value: string, onChange: (day: string) => void}} props */
export function DayField({ label, value, onChange }) {
  return html`<label class="filter"><span>${label}</span><input type="date" value=${value} onChange=${(/** @type {any} */ event) => onChange(event.currentTarget.value)} /></label>`;
}

/** @param {{at: string, timezone?: string}} props */
export function Instant({ at, timezone = "UTC" }) {
  return html`<time datetime=${at} title=${at}>${formatInstant(at, timezone)}</time>`;
}

/** What is known about a thing; what is null, undefined or false is left out. @param {{facts: [string, any][]}} props */
export function Facts({ facts }) {
  const known = facts.filter(([, value]) => value !== null && value !== undefined && value !== false && value !== "");
  return html`<dl class="facts">${known.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd dir="auto">${value}</dd></div>`)}</dl>`;
}

/** @param {{text: string, label: string}} props */
export function Copy({ text, label }) {
  const [state, set] = useState("");
  // There is no clipboard on pages without TLS.
  const copy = () => (navigator.clipboard?.writeText(text) ?? Promise.reject()).then(() => set("Copied"), () => set("Select the text and copy it by hand"));
  return html`<span class="copy"><button type="button" onClick=${copy}><${Icon} name=${state === "Copied" ? "check" : "link"} />${label}</button><span role="status">${state}</span></span>`;
}

/**
 * Something that is shown once and cannot be had again: a key, a link.
 * @param {{title: string, text: string | null, label: string, children?: any, onClose: () => void}} props
 */
export function ShownOnce({ title, text, label, children, onClose }) {
  return html`<${Dialog} title=${title} onClose=${onClose} class="once"><div class="stack">
    ${children}
    ${text === null
      ? html`<p class="notice bad"><${Icon} name="warning" /><span>It was made by an earlier try whose answer was lost, and is not shown again. Make another one.</span></p>`
      : html`<div class="secret"><code tabindex="0">${text}</code><${Copy} text=${text} label=${label} /></div>`}
    <footer class="dialog-foot"><button type="button" class="primary" onClick=${onClose}>Done</button></footer>
  </div><//>`;
}

/** @param {import("./api.js").Problem} problem */
export const nothingIfUnknown = (problem) => {
  if (problem.status === 404) return null;
  throw problem;
};
