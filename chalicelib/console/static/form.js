/**
 * Dialogs that change something: fields, what is going to happen, and what the API says about each field.
 *
 * A field is named by its JSON pointer (`/amount`, `/lines/0/line`), as in the problems of the API.
 */
import { useState } from "preact/hooks";
import { Problem, change, newKey } from "./api.js";
import { inexactNumbers } from "./exact_json.js";
import { refresh } from "./clock.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { Dialog } from "./ui.js";

/**
 * @typedef {{pointer: string, label: string, kind?: "text" | "number" | "whole" | "area" | "select" | "check" | "datetime" | "json",
 *   value?: any, required?: boolean, help?: string, placeholder?: string, options?: {value: string, label: string}[], suggestions?: string[], rows?: number,
 *   shownIf?: (values: Values) => boolean}} Field `json` is parsed before it is sent, `whole` is sent as a
 * whole number (a count, never money); empty fields are left out
 * @typedef {Record<string, any>} Values by pointer
 */

/** The keys of what was sent and never answered, by content: whether it was done is not known. @type {Map<string, string>} */
const unanswered = new Map();

/** Make the body of the pointers' values; empty ones are left out. @param {Field[]} fields @param {Values} values */
export function bodyOf(fields, values) {
  /** @type {any} */
  const body = {};
  for (const field of fields) {
    const value = values[field.pointer];
    if (value === "" || value === undefined || value === null || (field.shownIf && !field.shownIf(values))) continue;
    const path = field.pointer.slice(1).split("/");
    let place = body;
    path.slice(0, -1).forEach((part, index) => {
      place[part] ??= /^\d+$/.test(path[index + 1]) ? [] : {};
      place = place[part];
    });
    place[path[path.length - 1]] = sentValue(field, value);
  }
  return body;
}

/** Give what is sent for the text in a field. @param {Field} field @param {any} value */
export function sentValue(field, value) {
  if (field.kind === "json") return JSON.parse(value);
  if (field.kind === "datetime") return `${value}:00Z`;
  return field.kind === "whole" && /^\d{1,9}$/.test(value) ? Number(value) : value;
}

/** Whether it is known that nothing was done. Who may ask is looked at before what was done, so that tells nothing. @param {Problem} problem */
const isRefused = ({ status, code }) => status >= 400 && status < 500 && ![401, 403, 429].includes(status) && code !== "in-flight";

/** @param {Field} field @param {string} text */
function readFault(field, text) {
  if (field.required && text === "") return "is required";
  if (field.kind !== "json" || text === "") return null;
  try {
    JSON.parse(text);
    const inexact = inexactNumbers(text);
    return inexact.length ? `has ${inexact[0]}, which a browser cannot send exactly as a number: write "${inexact[0]}"` : null;
  } catch (fault) {
    return `is not JSON: ${/** @type {Error} */ (fault).message}`;
  }
}

/**
 * A dialog that asks back, sends, and shows what is wrong field by field.
 *
 * `method`, `path` and `body` make the request; `effect` says what it will do; `done` gets the answer. What both make of
 * the values they may compare with those that the dialog opened with. After an answer that was lost the same content goes
 * under the same idempotency key, also from a dialog that is opened anew, so it is never done twice.
 * @param {{title: string, effect: any | ((values: Values, start: Values) => any), action: string, method?: "POST" | "PUT" | "PATCH" | "DELETE",
 *   path: string, fields?: Field[], body?: (values: Values, start: Values) => any, isGrave?: boolean, onClose: () => void,
 *   done?: (answer: any) => void}} props
 */
export function ActionDialog({ title, effect, action, method = "POST", path, fields = [], body, isGrave = false, onClose, done }) {
  const [values, setValues] = useState(/** @type {Values} */ (() => Object.fromEntries(fields.map((field) => [field.pointer, field.value ?? (field.kind === "check" ? false : "")]))));
  const [start] = useState(values);
  const [faults, setFaults] = useState(/** @type {Record<string, string>} */ ({}));
  const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
  const [isSending, setSending] = useState(false);
  const shown = fields.filter((field) => !field.shownIf || field.shownIf(values));

  async function submit(/** @type {Event} */ event) {
    event.preventDefault();
    const found = shown.map((field) => [field.pointer, readFault(field, String(values[field.pointer]))]).filter(([, fault]) => fault);
    setFaults(Object.fromEntries(found));
    if (found.length) return;
    const wanted = method === "DELETE" ? undefined : body ? body(values, start) : bodyOf(fields, values);
    const content = JSON.stringify([path, wanted]);
    const key = unanswered.get(content) ?? newKey();
    unanswered.set(content, key);
    setSending(true);
    setProblem(null);
    try {
      const answer = await change(method, path, wanted, key);
      unanswered.delete(content);
      refresh();
      onClose();
      done?.(answer);
    } catch (fault) {
      if (!(fault instanceof Problem)) throw fault;
      if (isRefused(fault)) unanswered.delete(content);
      setProblem(fault);
      setFaults(byField(fault.errors, shown));
    } finally {
      setSending(false);
    }
  }

  return html`<${Dialog} title=${title} onClose=${onClose} class="action">
    <form onSubmit=${submit} novalidate>
      ${problem && html`<${Refusal} problem=${problem} fields=${shown} />`}
      ${shown.map((field) => html`<${Input} key=${field.pointer} field=${field} value=${values[field.pointer]} fault=${faults[field.pointer]}
        onInput=${(/** @type {any} */ value) => setValues((old) => ({ ...old, [field.pointer]: value }))} />`)}
      <div class="effect"><${Icon} name="warning" /><div>${typeof effect === "function" ? effect(values, start) : effect}</div></div>
      <div class="dialog-foot">
        <button type="button" disabled=${isSending} onClick=${onClose}>Cancel</button>
        <button type="submit" class=${isGrave ? "grave" : "primary"} disabled=${isSending}>${isSending ? "Sending …" : action}</button>
      </div>
    </form>
  <//>`;
}

/** Sort the API's faults to the fields they are about, deeper pointers to the field above them. @param {{pointer: string, detail: string}[]} errors @param {Field[]} fields */
function byField(errors, fields) {
  /** @type {Record<string, string>} */
  const found = {};
  for (const { pointer, detail } of errors) {
    const field = fieldOf(pointer, fields);
    if (field) found[field.pointer] = [found[field.pointer], pointer === field.pointer ? detail : `${pointer.slice(field.pointer.length)} ${detail}`].filter(Boolean).join("; ");
  }
  return found;
}

/** @param {string} pointer @param {Field[]} fields */
const fieldOf = (pointer, fields) => fields.find((field) => pointer === field.pointer || pointer.startsWith(`${field.pointer}/`));

/** @param {{problem: Problem, fields: Field[]}} props */
function Refusal({ problem, fields }) {
  const others = problem.errors.filter(({ pointer }) => !fieldOf(pointer, fields));
  return html`<div class="refusal" role="alert">
    <p><${Icon} name="warning" /><strong>${problem.title}</strong></p>
    ${problem.detail && html`<p dir="auto">${problem.detail}</p>`}
    ${others.length > 0 && html`<ul>${others.map(({ pointer, detail }) => html`<li key=${pointer} dir="auto"><code>${pointer || "/"}</code> ${detail}</li>`)}</ul>`}
  </div>`;
}

/** @param {{field: Field, value: any, fault?: string, onInput: (value: any) => void}} props */
function Input({ field, value, fault, onInput }) {
  const id = `field${field.pointer.replaceAll("/", "-")}`;
  const described = [fault && `${id}-fault`, field.help && `${id}-help`].filter(Boolean).join(" ") || null;
  const given = { id, "aria-describedby": described, "aria-invalid": fault ? "true" : null, required: field.required };
  const heard = (/** @type {any} */ event) => onInput(event.currentTarget.value);
  let input;
  if (field.kind === "check") {
    input = html`<input type="checkbox" ...${given} checked=${value} onChange=${(/** @type {any} */ event) => onInput(event.currentTarget.checked)} />`;
  } else if (field.kind === "select") {
    input = html`<select ...${given} value=${value} onChange=${heard}>${(field.options ?? []).map((each) => html`<option key=${each.value} value=${each.value} selected=${each.value === value}>${each.label}</option>`)}</select>`;
  } else if (field.kind === "area" || field.kind === "json") {
    input = html`<textarea ...${given} rows=${field.rows ?? (field.kind === "json" ? 8 : 3)} spellcheck=${field.kind !== "json"} class=${field.kind === "json" ? "code" : ""} value=${value} onInput=${heard}></textarea>`;
  } else {
    const type = field.kind === "datetime" ? "datetime-local" : "text";
    input = html`<input type=${type} inputmode=${{ number: "decimal", whole: "numeric" }[String(field.kind)] ?? null} ...${given} value=${value} placeholder=${field.placeholder}
      list=${field.suggestions && `${id}-list`} onInput=${heard} autocomplete="off" />
      ${field.suggestions && html`<datalist id=${`${id}-list`}>${field.suggestions.map((each) => html`<option key=${each} value=${each}></option>`)}</datalist>`}`;
  }
  return html`<div class=${`field${field.kind === "check" ? " check" : ""}${fault ? " faulty" : ""}`}>
    <label for=${id}>${field.label}${field.required && html`<span class="required" aria-hidden="true"> *</span>`}</label>
    ${input}
    ${fault && html`<p class="fault" id=${`${id}-fault`}><${Icon} name="warning" /><span dir="auto">${field.label} ${fault}</span></p>`}
    ${field.help && html`<p class="help" id=${`${id}-help`}>${field.help}</p>`}
  </div>`;
}

/**
 * A button that opens an action's dialog.
 * @param {{label: any, dialog: (close: () => void) => any, class?: string, disabled?: boolean, title?: string}} props
 */
export function ActionButton({ label, dialog, class: name = "", disabled = false, title }) {
  const [isOpen, setOpen] = useState(false);
  return html`<button type="button" class=${name} disabled=${disabled} title=${title} onClick=${() => setOpen(true)}>${label}</button>${isOpen && dialog(() => setOpen(false))}`;
}
