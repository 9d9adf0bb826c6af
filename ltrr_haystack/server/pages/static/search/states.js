/** What is shown in the place of results, and what to know of them. */

import { h } from "../shared/dom.js";

/**
 * Say why a search failed, and what can be done.
 *
 * @param {any} error An ApiError.
 * @param {() => void} retry Searches again.
 * @returns {HTMLElement}
 */
export function failure(error, retry) {
  const [title, text] = told(error);
  return h(
    "div",
    { class: "notice bad", role: "alert" },
    h("b", {}, title),
    h("p", {}, text),
    h("button", { type: "button", onclick: retry }, "Search again"),
  );
}

function told({ status, message, retryAfter }) {
  const wait = retryAfter ? ` Try again in ${retryAfter} s.` : "";
  switch (status) {
    case 0: return ["No answer", message];
    case 401: return ["An API key is needed", "Without a key with the scopes search and feedback, this server answers no searches."];
    case 403: return ["Not allowed", message];
    case 422: return ["This cannot be searched for", message];
    case 429: return ["Too many searches", `The server takes no more from you for now.${wait}`];
    case 503: return ["The server cannot search right now", `${message}.${wait}`];
    default: return ["The search failed", message];
  }
}

/** @returns {HTMLElement} What is shown where nothing was found. */
export function nothingFound(query) {
  return h("div", { class: "card" }, h("h2", {}, "Nothing was found"), h("p", {}, `No arm found a document for “${query}”. Try fewer or other words.`));
}

/** @returns {HTMLElement} What is shown while a search takes its time. */
export function waiting() {
  return h("div", { class: "skeleton", "aria-hidden": "true" }, h("div"), h("div"), h("div"));
}

/** @returns {HTMLElement[]} What to know of a page. */
export function noticesOf(page) {
  const notices = [];
  if (!page.logged) {
    notices.push(notice("This search is not in the log", "The store takes nothing at the moment, so likes and clicks on this page cannot count. Searching goes on as before."));
  }
  if (page.missing_arms.length) {
    const list = page.missing_arms.map(({ arm, reason }) => `${arm} (${reason})`).join(", ");
    notices.push(notice("Some arms are missing", `${list}. The results of the others are shown.`));
  }
  if (page.documents.length) notices.push(...page.warnings.map((warning) => notice("Note", warning)));
  return notices;
}

function notice(title, text) {
  return h("div", { class: "notice" }, h("b", {}, title), text);
}

/**
 * The first visit.
 *
 * @param {string[]} examples Queries to try.
 * @returns {HTMLElement}
 */
export function firstVisit(examples) {
  return h(
    "div",
    { class: "card first" },
    h("h1", {}, "A search that learns"),
    h("p", {}, "Search, and tell with likes and clicks what you were looking for. The next search for the same words brings it up, and the policy learns which arms to ask. “Why here?” tells of each result what put it in its place."),
    examples.length
      ? h("p", { class: "row" }, h("span", { class: "dim" }, "Try"), examples.map((query) => h("a", { class: "tag accent", href: `?q=${encodeURIComponent(query)}` }, query)))
      : null,
  );
}
