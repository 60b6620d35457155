/** Asks the public API, with the reader's credential. All addresses are relative to the page's own. */
import * as credential from "./credential.js";
import { noteServerTime } from "./clock.js";

const ROOT = new URL("v1/", document.baseURI);
const PAGE = 200;

/**
 * What the API refused, or why it could not be asked.
 *
 * `code` is the problem's own (`conflict`, `invalid-input`, …); `offline` where no answer came.
 */
export class Problem extends Error {
  /** @param {{status: number, code: string, title: string, detail?: string, errors?: {pointer: string, detail: string}[]}} problem */
  constructor({ status, code, title, detail = "", errors = [] }) {
    super(detail || title);
    this.status = status;
    this.code = code;
    this.title = title;
    this.detail = detail;
    this.errors = errors;
  }
}

/** @type {Set<() => void>} */
const expiryListeners = new Set();

/** Call a function when the API no longer knows the credential. @param {() => void} listener */
export function onExpired(listener) {
  expiryListeners.add(listener);
  return () => expiryListeners.delete(listener);
}

/**
 * Write a path: every value becomes one segment, whatever is in it. `` at`organizations/${id}/usage` ``
 * @param {TemplateStringsArray} texts @param {...(string | number)} values
 */
export function at(texts, ...values) {
  return texts.reduce((path, text, index) => path + encodeURIComponent(String(values[index - 1])) + text);
}

/**
 * Write the address of a path with parameters; empty ones are left out, lists are repeated.
 * @param {string} path @param {Record<string, any>} [params]
 */
export function address(path, params = {}) {
  const url = new URL(path.replace(/^\/?(v1\/)?/, ""), ROOT);
  for (const [name, value] of Object.entries(params)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== undefined && each !== null && each !== "") url.searchParams.append(name, String(each));
    }
  }
  return url;
}

/**
 * @typedef {{params?: Record<string, any>, body?: any, accept?: string, signal?: AbortSignal, key?: string}} Options
 * @param {string} method @param {string} path @param {Options} options
 * @returns {Promise<Response>}
 */
async function send(method, path, { params, body, accept = "application/json", signal, key }) {
  /** @type {Record<string, string>} */
  const headers = { Accept: accept };
  const known = credential.current();
  // Whatever was pasted as a key can be sent, and is refused as one.
  if (known !== null) headers.Authorization = `Bearer ${encodeURI(known)}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key !== undefined) headers["Idempotency-Key"] = key;
  const content = body === undefined ? undefined : JSON.stringify(body);
  let response;
  try {
    response = await fetch(address(path, params), { method, headers, body: content, signal, cache: "no-store" });
  } catch (fault) {
    if (signal?.aborted) throw fault;
    throw unreachable();
  }
  if (response.ok) return response;
  if (response.status === 401 && credential.current() === known) expiryListeners.forEach((listener) => listener());
  throw await problemOf(response);
}

const unreachable = () => new Problem({ status: 0, code: "offline", title: "The server could not be reached." });

/** @param {Response} response */
async function problemOf(response) {
  const told = await response.json().catch(() => ({}));
  const code = String(told.type ?? "").split("/").pop() || `status-${response.status}`;
  const title = told.title ?? "The server gave an answer that this page does not know.";
  return new Problem({ status: response.status, code, title, detail: told.detail, errors: told.errors });
}

/**
 * Ask for JSON. Amounts and quantities in it are strings and stay so.
 * @param {string} path @param {Record<string, any>} [params] @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function get(path, params, signal) {
  const answer = await (await send("GET", path, { params, signal })).json();
  noteServerTime(answer.as_of, path === "session");
  return answer;
}

/**
 * Ask for JSON and give its text, for what holds numbers of other people that must stay as they are.
 * @param {string} path @param {Record<string, any>} [params] @param {AbortSignal} [signal]
 */
export async function getText(path, params, signal) {
  return (await send("GET", path, { params, signal })).text();
}

/**
 * Read a list to its end, or up to `most` items; `more` tells whether something was left.
 * @param {string} path @param {Record<string, any>} params @param {{most?: number, signal?: AbortSignal}} [options]
 * @returns {Promise<{data: any[], more: boolean}>}
 */
export async function list(path, params, { most = 1000, signal } = {}) {
  /** @type {any[]} */
  const data = [];
  let cursor = null;
  do {
    const page = await get(path, { ...params, limit: Math.min(PAGE, most), cursor }, signal);
    data.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor !== null && data.length < most);
  return { data, more: cursor !== null };
}

/** Make an idempotency key. `crypto.randomUUID` is not there on pages without TLS. */
export const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * Change something. The same `key` with the same body is done once, however often it is sent.
 * @param {"POST" | "PUT" | "PATCH" | "DELETE"} method @param {string} path @param {any} [body] @param {string} [key]
 * @returns {Promise<any>}
 */
export async function change(method, path, body, key) {
  const response = await send(method, path, { body, key: method === "POST" ? key : undefined });
  return response.status === 204 ? null : response.json().catch(() => Promise.reject(unreachable()));
}

/**
 * Fetch a document and hand it to the reader as a file.
 * @param {string} path @param {{accept: string, name: string, params?: Record<string, any>}} file
 */
export async function download(path, { accept, name, params }) {
  const response = await send("GET", path, { accept, params });
  save(await response.blob(), name);
}

/** Hand a document of the page's own to the reader as a file. @param {Blob} content @param {string} name */
export function save(content, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
