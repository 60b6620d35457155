/** The parts of which every view is made. */
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { html } from "./html.js";
import { Icon } from "./icons.js";

/** @typedef {"neutral" | "good" | "warn" | "bad" | "live"} Tone */

/** Begin with a capital. @param {string} text */
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/**
 * A status, by text and icon, never by color alone.
 * @param {{tone?: Tone, icon?: string, children?: any}} props
 */
export function Badge({ tone = "neutral", icon, children }) {
  return html`<span class=${`badge ${tone}`}>${icon && html`<${Icon} name=${icon} />`}<span>${children}</span></span>`;
}

/** Where something is going to be. @param {{lines?: number, label?: string}} props */
export function Skeleton({ lines = 3, label = "Loading" }) {
  const bars = Array.from({ length: lines }, (_, index) => html`<span class="bone" key=${index}></span>`);
  return html`<div class="skeleton" role="status" aria-label=${label}>${bars}</div>`;
}

/** Nothing is there, and what to do about it. @param {{title: string, children?: any, action?: any}} props */
export function Empty({ title, children, action }) {
  return html`<div class="empty"><p class="empty-title">${title}</p><p>${children}</p>${action}</div>`;
}

/**
 * What could not be loaded, in place of it. A refusal for want of permission cannot be tried again.
 * @param {{problem: import("./api.js").Problem, retry?: () => void, what?: string}} props
 */
export function Failure({ problem, retry, what = "This" }) {
  if (problem.status === 403) {
    return html`<div class="failure" role="alert">
      <p class="empty-title">No permission</p>
      <p dir="auto">${problem.detail || problem.title}</p>
    </div>`;
  }
  return html`<div class="failure" role="alert">
    <p class="empty-title">${what} could not be loaded.</p>
    <p dir="auto">${problem.detail || problem.title || problem.message}</p>
    ${retry && html`<button type="button" onClick=${retry}><${Icon} name="refresh" />Try again</button>`}
  </div>`;
}

/**
 * The usual life of what is loaded: skeleton, then failure or content. A failure beside an older value keeps the value.
 * @param {{loaded: import("./load.js").Loaded<any>, what?: string, lines?: number, children: (value: any) => any}} props
 */
export function Loaded({ loaded, what, lines, children }) {
  const { value, problem, isLoading, retry } = loaded;
  if (value === undefined) {
    return problem && !isLoading ? html`<${Failure} problem=${problem} retry=${retry} what=${what} />` : html`<${Skeleton} lines=${lines} />`;
  }
  return html`${problem && (problem.code !== "offline" || navigator.onLine) && html`<p class="notice warn" role="status"><${Icon} name="warning" />
      <span dir="auto">${what ?? "This"} could not be refreshed: ${problem.message}</span>
      <button type="button" class="plain" onClick=${retry}>Try again</button></p>`}${children(value)}`;
}

/** A box with a heading of its own. @param {{title: any, aside?: any, children?: any, class?: string, level?: 2 | 3}} props */
export function Card({ title, aside, children, class: name = "", level = 2 }) {
  const id = useId();
  return html`<section class=${`card ${name}`} aria-labelledby=${id}>
    <header class="card-head"><${`h${level}`} id=${id} dir="auto">${title}<//>${aside && html`<div class="aside">${aside}</div>`}</header>
    ${children}
  </section>`;
}

/** @param {{label: string, value: string, options: {value: string, label: string, disabled?: boolean, title?: string}[], onChange: (value: string) => void}} props */
export function Choice({ label, value, options, onChange }) {
  return html`<label class="choice"><span>${label}</span>
    <select value=${value} onChange=${(/** @type {any} */ event) => onChange(event.currentTarget.value)}>
      ${options.map((each) => html`<option key=${each.value} value=${each.value} disabled=${each.disabled} selected=${each.value === value}>${each.label}</option>`)}
    </select></label>`;
}

/** One of a few, all of them seen. @param {{label: string, value: string, options: {value: string, label: string, disabled?: boolean, title?: string}[], onChange: (value: string) => void}} props */
export function Segments({ label, value, options, onChange }) {
  return html`<div class="segments" role="group" aria-label=${label}>
    ${options.map(
      (each) => html`<button type="button" key=${each.value} aria-pressed=${each.value === value} disabled=${each.disabled}
        title=${each.title} onClick=${() => onChange(each.value)}>${each.label}</button>`,
    )}
  </div>`;
}

/** @param {{label: string, checked: boolean, onChange: (checked: boolean) => void}} props */
export function Toggle({ label, checked, onChange }) {
  return html`<label class="toggle"><input type="checkbox" role="switch" checked=${checked}
      onChange=${(/** @type {any} */ event) => onChange(event.currentTarget.checked)} /><span>${label}</span></label>`;
}

/**
 * A bar of parts, as wide as their shares. The parts are also told in words, for it is only a picture.
 * @param {{label: string, parts: {name: string, percent: string, tone: string}[]}} props percents as text, 0 to 100
 */
export function Bar({ label, parts }) {
  return html`<div class="bar" role="img" aria-label=${label}>
    ${parts.map((part) => html`<span key=${part.name} class=${part.tone} title=${part.name} style=${{ width: `${part.percent}%` }}></span>`)}
  </div>`;
}

/**
 * A table that scrolls by itself, with a name, and reachable by keyboard when it does.
 * @param {{label: string, head: any[], children?: any, class?: string}} props head: texts, or {text, numeric}
 */
export function Table({ label, head, children, class: name = "" }) {
  return html`<div class=${`table ${name}`} tabindex="0" role="region" aria-label=${label}>
    <table><thead><tr>
      ${head.map((each, index) => html`<th key=${index} scope="col" class=${each.numeric ? "numeric" : ""}>${each.text ?? each}</th>`)}
    </tr></thead><tbody>${children}</tbody></table>
  </div>`;
}

/**
 * A dialog of the browser's own kind: it keeps the keyboard inside and closes by Escape.
 * @param {{title: any, onClose: () => void, children?: any, class?: string}} props
 */
export function Dialog({ title, onClose, children, class: name = "" }) {
  const id = useId();
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    const opener = /** @type {HTMLElement | null} */ (document.activeElement);
    dialog.current?.showModal();
    // The browser would begin at the closing button.
    /** @type {HTMLElement | null} */ (dialog.current?.querySelector("form input, form select, form textarea, input"))?.focus();
    return () => opener?.focus?.();
  }, []);
  return html`<dialog ref=${dialog} class=${name} aria-labelledby=${id} onClose=${onClose}>
    <div class="dialog-head"><h2 id=${id} dir="auto">${title}</h2>
      <button type="button" class="plain icon-only" aria-label="Close" onClick=${() => dialog.current?.close()}><${Icon} name="cross" /></button></div>
    ${children}
  </dialog>`;
}

/**
 * A button that opens a small panel below it; Escape, a click elsewhere and leaving it close it.
 * @param {{label: any, name: string, children: (close: () => void) => any, class?: string}} props
 */
export function Menu({ label, name, children, class: kind = "" }) {
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  const root = useRef(/** @type {HTMLElement | null} */ (null));
  const button = useRef(/** @type {HTMLButtonElement | null} */ (null));
  useEffect(() => {
    if (!isOpen) return undefined;
    const outside = (/** @type {Event} */ event) => {
      if (!root.current?.contains(/** @type {Node} */ (event.target))) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [isOpen]);
  const close = () => setOpen(false);
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape" && isOpen) {
      close();
      button.current?.focus();
    }
  };
  const onFocusOut = (/** @type {FocusEvent} */ event) => {
    if (event.relatedTarget && !root.current?.contains(/** @type {Node} */ (event.relatedTarget))) close();
  };
  return html`<div class=${`menu ${kind}`} ref=${root} onKeyDown=${onKeyDown} onFocusOut=${onFocusOut}>
    <button type="button" ref=${button} class="plain" aria-expanded=${isOpen} aria-controls=${id} aria-label=${name} onClick=${() => setOpen(!isOpen)}>${label}</button>
    ${isOpen && html`<div class="menu-panel" id=${id}>${children(close)}</div>`}
  </div>`;
}

/** Show the next rows of a long list on demand. @param {{more: boolean, isLoading?: boolean, onMore: () => void, label?: string}} props */
export function More({ more, isLoading = false, onMore, label = "Show more" }) {
  return more ? html`<p class="more"><button type="button" disabled=${isLoading} onClick=${onMore}>${isLoading ? "Loading …" : label}</button></p>` : null;
}
