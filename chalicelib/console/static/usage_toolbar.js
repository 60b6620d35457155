/** What a reader chooses on the Usage tab. Every choice is in the address; defaults are left out of it. */
import { useEffect, useId, useState } from "preact/hooks";
import { download } from "./api.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { go } from "./place.js";
import { Choice, Segments, Toggle } from "./ui.js";
import { customFault, defaultRange, firstDayOf, hourFault, rangesOf } from "./usage_query.js";

/**
 * @typedef {import("./usage_query.js").Bounds} Bounds
 * @typedef {import("./usage_query.js").Question} Question
 * @param {{question: Question, bounds: Bounds, dimensions: string[], organization: any, path: string}} props
 */
export function UsageToolbar({ question, bounds, dimensions, organization, path }) {
  const { range, params } = question;
  const pick = (/** @type {string} */ value) => {
    const days = value === "custom" ? { from: range.firstDay, to: range.lastDay } : { from: null, to: null };
    go({ range: value === defaultRange(bounds) ? null : value, ...days });
  };
  const choices = [...rangesOf(bounds), { value: "custom", label: "Custom", reason: null }];
  const group = params.group_by ?? "";
  const groups = [...new Set([...dimensions, ...(group ? [group] : [])])];
  return html`<div class="toolbar usage-toolbar">
      <${Segments} label="Range" value=${range.value} onChange=${pick} options=${choices.map(refusable)} />
      <${Segments} label="Window" value=${question.window} onChange=${(/** @type {string} */ value) => go({ window: value === "day" ? null : value })}
        options=${[{ value: "hour", label: "Hour", reason: hourFault(range) }, { value: "day", label: "Day", reason: null }, { value: "month", label: "Month", reason: null }].map(refusable)} />
      <div class="end"><${CsvButton} question=${question} organization=${organization} path=${path} /></div>
    </div>
    ${range.value === "custom" && html`<${CustomRange} range=${range} bounds=${bounds} />`}
    <div class="toolbar usage-toolbar">
      <${Choice} label="Group by" value=${group} onChange=${(/** @type {string} */ value) => go({ group: value || null })}
        options=${[{ value: "", label: "Nothing" }, ...groups.map((each) => ({ value: each, label: each.replaceAll(",", ", ") }))]} />
      <${Segments} label="Figures" value=${question.isSpend ? "spend" : ""} onChange=${(/** @type {string} */ value) => go({ show: value || null })}
        options=${[{ value: "", label: "Quantity" }, { value: "spend", label: "Spend" }]} />
      <${Segments} label="Layout" value=${question.isTable ? "table" : ""} onChange=${(/** @type {string} */ value) => go({ layout: value || null })}
        options=${[{ value: "", label: html`<${Icon} name="graph" />Graph` }, { value: "table", label: html`<${Icon} name="table" />Table` }]} />
      <${Toggle} label="Show zero usage metrics" checked=${question.hasZero} onChange=${(/** @type {boolean} */ checked) => go({ zero: checked ? "shown" : null })} />
    </div>`;
}

/** What the plan or the API refuses cannot be chosen, and says why. @param {{value: string, label: string, reason: string | null}} choice */
function refusable({ value, label, reason }) {
  return { value, disabled: reason !== null, title: reason, label: reason ? html`${label}<span class="hidden">: not available. ${reason}</span>` : label };
}

/** Days of the organization's time zone, both included. @param {{range: import("./usage_query.js").RangeChoice, bounds: Bounds}} props */
function CustomRange({ range, bounds }) {
  const id = useId();
  const [days, setDays] = useState({ from: range.firstDay, to: range.lastDay });
  const [fault, setFault] = useState(/** @type {string | null} */ (null));
  useEffect(() => {
    setDays({ from: range.firstDay, to: range.lastDay });
    setFault(null);
  }, [range.firstDay, range.lastDay]);
  const apply = (/** @type {Event} */ event) => {
    event.preventDefault();
    const found = customFault(days.from, days.to, bounds);
    setFault(found);
    if (found === null) go({ range: "custom", ...days });
  };
  const input = (/** @type {"from" | "to"} */ name, /** @type {string} */ label) => html`<label class="choice"><span>${label}</span>
    <input type="date" value=${days[name]} min=${firstDayOf(bounds)} max=${bounds.today} aria-invalid=${fault ? "true" : null} aria-describedby=${`${id}-fault ${id}-zone`}
      onInput=${(/** @type {any} */ event) => setDays({ ...days, [name]: event.currentTarget.value })} /></label>`;
  return html`<form class="toolbar usage-days" aria-label="Custom range" onSubmit=${apply} novalidate>
    ${input("from", "From")}${input("to", "to")}
    <button type="submit">Apply</button>
    <span class="quiet" id=${`${id}-zone`}>Both days included, ${bounds.timezone}</span>
    <p class="fault" id=${`${id}-fault`} role="alert">${fault && html`<${Icon} name="warning" /><span>${fault}</span>`}</p>
  </form>`;
}

/** The file of what is shown: the same parameters. @param {{question: Question, organization: any, path: string}} props */
function CsvButton({ question, organization, path }) {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState(/** @type {string | null} */ (null));
  const { range, params } = question;
  const fetchFile = async () => {
    setBusy(true);
    setProblem(null);
    try {
      const name = `usage-${organization.id}-${range.firstDay}-to-${range.lastDay}.csv`;
      await download(path, { accept: "text/csv", name, params });
    } catch (fault) {
      setProblem(/** @type {Error} */ (fault).message);
    }
    setBusy(false);
  };
  return html`<button type="button" disabled=${isBusy || range.reason !== null} onClick=${fetchFile}><${Icon} name="download" />CSV</button>
    <p class="fault" role="alert">${problem && html`<${Icon} name="warning" /><span dir="auto">The file could not be fetched: ${problem}</span>`}</p>`;
}
