/** What stands in the place of results: waiting, nothing found, and what went wrong. */

import { element } from "../shared/dom.js";

/** @returns {HTMLElement} Rows without content, for a search that takes its time. */
export function skeleton() {
  const row = () => element("div", { class: "skeleton" }, element("i"), element("i"), element("i"));
  return element("div", { "aria-hidden": "true" }, row(), row(), row(), row());
}

/** @returns {HTMLElement} Says that nothing was found. */
export function nothingFound(query) {
  return state("Nothing found", `No document fits “${query}”. Try fewer or other words.`);
}

/**
 * @param {import("../shared/api.js").ApiError} error Why there is no answer.
 * @param {() => void} again Searches again.
 * @returns {HTMLElement}
 */
export function failed(error, again) {
  const [title, text] = explained(error);
  const node = state(title, text, "bad");
  node.append(element("div", { class: "actions" }, element("button", { class: "button", type: "button", on: { click: again } }, "Search again")));
  return node;
}

/** @returns {HTMLElement} Says that feedback is not taken, since the search is not in the log. */
export function notLogged() {
  return element("p", { class: "notice warn" }, "This search could not be logged: the store is read-only or cannot be reached. The results are complete, but feedback on them will not be taken.");
}

/** @returns {HTMLElement} Says that feedback is not taken, since nobody asked for the search on this page. */
export function notAskedFor() {
  return element("p", { class: "notice" }, "A link led here, so nothing is noted of this search. Search again to give feedback on it.");
}

/** @returns {HTMLElement} Says which arms are missing. */
export function armsMissing(missing) {
  const arms = missing.map(({ arm, reason }) => `${arm} (${reason})`).join(", ");
  return element("p", { class: "notice warn" }, `Without ${arms}: these are the results of the other arms.`);
}

function state(title, text, kind = "") {
  return element("div", { class: `notice state ${kind}` }, element("h2", {}, title), element("p", {}, text));
}

function explained({ status, message, retryAfter }) {
  const wait = retryAfter === null ? "in a moment" : `in ${retryAfter} second${retryAfter === 1 ? "" : "s"}`;
  switch (status) {
    case 0:
      return ["The server cannot be reached", "Check the connection, and that the server runs; then search again."];
    case 401:
      return ["An API key is needed", "Enter one with the scopes search and feedback."];
    case 403:
      return ["Not allowed", message];
    case 422:
      return ["This search is not valid", message];
    case 429:
      return ["Too many searches", `The server takes only so many in a second. Try again ${wait}.`];
    case 503:
      return ["The server is busy", `${message}. Try again ${wait}.`];
    default:
      return ["The search failed", message];
  }
}
