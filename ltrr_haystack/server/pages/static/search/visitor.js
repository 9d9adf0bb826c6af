/** Who searches: a browser that has an id of its own, in a session, perhaps as a user. */

const CLIENT = "ltrr-client";
const SESSION = "ltrr-session";
const USER = "ltrr-user";
const kept = new Map();

/** @returns {{client_id: string, session_id: string, user_id?: string}} What searches and events say of who sends them. */
export function identity() {
  const user = userId();
  return {
    client_id: idIn("localStorage", CLIENT),
    session_id: idIn("sessionStorage", SESSION),
    ...(user === "" ? {} : { user_id: user }),
  };
}

/** @returns {string} The user who was chosen; empty for nobody. */
export function userId() {
  return read("sessionStorage", USER) ?? "";
}

/** @param {string} id The user to search as; empty for nobody. */
export function chooseUser(id) {
  write("sessionStorage", USER, withoutControls(id).slice(0, 256));
  write("sessionStorage", SESSION, newId());
}

/** Be somebody who was never here: another browser, another session, no user. */
export function becomeNew() {
  write("localStorage", CLIENT, newId());
  chooseUser("");
}

/** @returns {string} An id that nobody else has. */
export function newId() {
  // Pages that come without TLS from another machine have no randomUUID.
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("");
}

function withoutControls(id) {
  return id.replace(/[\u0000-\u001f\u007f-\u009f]/g, "").trim();
}

function idIn(where, name) {
  const found = read(where, name);
  if (found !== null && found !== "") return found;
  const made = newId();
  write(where, name, made);
  return made;
}

function read(where, name) {
  try {
    return window[where].getItem(name);
  } catch {
    return kept.get(name) ?? null;
  }
}

function write(where, name, value) {
  try {
    window[where].setItem(name, value);
  } catch {
    kept.set(name, value);
  }
}
