/** Who searches: a browser, a session in it, and the user that was chosen. */

import { byId, fill, h } from "../shared/dom.js";

const CLIENT = "ltrr-client";
const SESSION = "ltrr-session";
const USER = "ltrr-user";

/** @returns {string} An id that nobody else has. */
export function freshId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @returns {{client_id: string, session_id: string, user_id?: string}} The ids to be sent. */
export function ids() {
  const user = sessionStorage.getItem(USER);
  return {
    client_id: kept(localStorage, CLIENT),
    session_id: kept(sessionStorage, SESSION),
    ...(user ? { user_id: user } : {}),
  };
}

/**
 * Let the visitor choose whom to search as.
 *
 * @param {string[]} users Ids to choose from.
 * @param {(who: string) => void} changed Called with who it is now.
 */
export function mountSwitcher(users, changed) {
  const input = /** @type {HTMLInputElement} */ (byId("user"));
  input.value = sessionStorage.getItem(USER) ?? "";
  fill(byId("users"), ...users.map((user) => h("option", { value: user })));
  input.addEventListener("change", () => become(input.value.trim()));
  byId("new-visitor").addEventListener("click", () => {
    localStorage.removeItem(CLIENT);
    input.value = "";
    become("");
  });

  function become(user) {
    if (user) sessionStorage.setItem(USER, user);
    else sessionStorage.removeItem(USER);
    sessionStorage.removeItem(SESSION);
    changed(user ? `Searching as ${user}.` : "Searching as a new visitor.");
  }
}

function kept(storage, name) {
  const id = storage.getItem(name) ?? freshId();
  storage.setItem(name, id);
  return id;
}
