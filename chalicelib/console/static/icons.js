/** Icons: a path each, drawn in the color of the text around them and hidden from screen readers. */
import { html } from "./html.js";

const PATHS = {
  check: "M3 8.5l3.2 3.2L13 5",
  cross: "M4 4l8 8M12 4l-8 8",
  warning: "M8 2.5l6 11H2zM8 6.5v3.2M8 11.6v.2",
  clock: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 4.8V8l2.2 1.6",
  pencil: "M3 13l.6-2.8 7-7 2.2 2.2-7 7zM9.4 4.4l2.2 2.2",
  dot: "M8 5.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
  down: "M4 6l4 4 4-4",
  right: "M6 4l4 4-4 4",
  left: "M10 4L6 8l4 4",
  download: "M8 2.5v7M5 7l3 3 3-3M3 13h10",
  print: "M4.5 6V2.5h7V6M4.5 11H3V6h10v5h-1.5M4.5 9.5h7v4h-7z",
  person: "M8 2.5a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM2.8 14c.4-2.7 2.5-4 5.2-4s4.8 1.3 5.2 4",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.5 10.5L14 14",
  table: "M2.5 3.5h11v9h-11zM2.5 6.5h11M2.5 9.5h11M6.5 3.5v9",
  graph: "M3 13V8M7 13V3M11 13V6M2 13.5h12.5",
  shield: "M8 1.8l5 1.9v4c0 3.1-2 5.4-5 6.5-3-1.1-5-3.4-5-6.5v-4zM5.6 8l1.7 1.7L10.6 6",
  refresh: "M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3",
  link: "M6.5 9.5l3-3M7 4.8l1.6-1.6a2.7 2.7 0 0 1 3.9 3.9L11 8.6M9 11.2l-1.6 1.6a2.7 2.7 0 0 1-3.9-3.9L5 7.4",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  gear: "M8 5.6a2.4 2.4 0 1 0 0 4.8 2.4 2.4 0 0 0 0-4.8zM8 1.8v2M8 12.2v2M1.8 8h2M12.2 8h2M3.6 3.6L5 5M11 11l1.4 1.4M3.6 12.4L5 11M11 5l1.4-1.4",
  plus: "M8 3v10M3 8h10",
  offline: "M2.5 6.5a8 8 0 0 1 11 0M4.8 9a4.8 4.8 0 0 1 6.4 0M8 12v.2M2.5 2.5l11 11",
};

/** @param {{name: keyof typeof PATHS}} props */
export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false"><path d=${PATHS[name]} /></svg>`;
}
