/** Style sheets of single views, loaded with the view. */

/** @type {Map<string, Promise<void>>} */
const loading = new Map();

/** Load a style sheet beside this module, once; fails as an import does. @param {string} name such as "./usage.css" */
export function loadStyle(name) {
  const known = loading.get(name);
  if (known) return known;
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL(name, import.meta.url).href;
  const loaded = new Promise((resolve, reject) => {
    link.onload = () => resolve(undefined);
    link.onerror = () => {
      link.remove();
      loading.delete(name);
      reject(new Error(`${name} could not be loaded`));
    };
  });
  loading.set(name, /** @type {Promise<void>} */ (loaded));
  document.head.append(link);
  return /** @type {Promise<void>} */ (loaded);
}
