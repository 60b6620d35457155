/** Light or dark: as the reader's system is, until they choose. */

const NAME = "meterfold.theme";

/** @typedef {"system" | "light" | "dark"} Theme */

/** @returns {Theme} */
export function theme() {
  try {
    const kept = localStorage.getItem(NAME);
    return kept === "light" || kept === "dark" ? kept : "system";
  } catch {
    return "system";
  }
}

/** @param {Theme} wanted */
export function setTheme(wanted) {
  try {
    localStorage.setItem(NAME, wanted);
  } catch {
    // Without storage the choice lasts until the page is reloaded.
  }
  show(wanted);
}

/** @param {Theme} wanted */
function show(wanted) {
  if (wanted === "system") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.setAttribute("data-theme", wanted);
  dispatchEvent(new Event("themechange"));
}

/** Show the chosen theme, and tell graphs (event `themechange`) when the system's changes. */
export function startTheme() {
  show(theme());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("themechange")));
}

/** A color of the style sheet as it is now, for what is drawn on a canvas. @param {string} name such as "--series-1" */
export function color(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
