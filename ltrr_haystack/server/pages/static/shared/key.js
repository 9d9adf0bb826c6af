/** The API key: kept for this tab alone, and never part of an address. */

const NAME = "ltrr-key";
const listeners = new Set();
let held = read();

/** @returns {string|null} The key, if there is one. */
export function apiKey() {
  return held;
}

/** @param {string} key The key to send from now on. */
export function keepKey(key) {
  held = key.trim() || null;
  store();
}

/** Send no key from now on. */
export function forgetKey() {
  held = null;
  store();
}

/** @param {(key: string|null) => void} listener Called whenever the key changes. */
export function onKey(listener) {
  listeners.add(listener);
}

function read() {
  try {
    return sessionStorage.getItem(NAME);
  } catch {
    return null;
  }
}

function store() {
  try {
    if (held === null) sessionStorage.removeItem(NAME);
    else sessionStorage.setItem(NAME, held);
  } catch {
    // Without storage the key lasts until the page is left.
  }
  for (const listener of listeners) listener(held);
}
