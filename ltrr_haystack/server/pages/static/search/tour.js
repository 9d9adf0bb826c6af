/** Lets simulated people search the demo, and shows how their click rate rises beside the baseline's. */

import { ApiError, getJson, sendJson } from "../shared/api.js";
import { element, fill } from "../shared/dom.js";
import { onKey } from "../shared/key.js";
import { replaceMarkup } from "../shared/markup.js";

const SECONDS = 120;
const EVERY = 1000;

/**
 * Fill the section of the tour, and show it to whoever may start one.
 *
 * @param {HTMLElement} section The section; it is empty and hidden.
 * @param {(query: string) => void} search Searches for a query.
 */
export function mountTour(section, search) {
  const start = element(
    "button", { type: "button", class: "button primary", disabled: true, on: { click: () => begin() } }, "Let simulated people search for two minutes",
  );
  const stop = element("button", { class: "button", type: "button", hidden: true, on: { click: () => end() } }, "Stop");
  const progress = element("progress", { "aria-label": "Time of the tour", hidden: true, max: SECONDS });
  const line = element("p", { class: "number muted", id: "tour-progress" });
  const about = element("p", { class: "muted small" });
  const picture = element("div", { class: "report tour-curve" });
  const said = element("div", { role: "status", class: "stack" });
  section.setAttribute("aria-labelledby", "tour-title");
  fill(
    section,
    element("h2", { id: "tour-title" }, "See it learn"),
    element("p", {}, "Simulated people search here and click, as yours would. Watch how often they find something to click on: one curve is the share of searches with a click, block by block; the other is that of the baseline for the same people, over all searches so far."),
    element("div", { class: "row" }, start, stop),
    progress, line, picture, said, about,
  );
  let watching = 0;
  let running = false;
  let shown = "";

  async function begin() {
    start.disabled = true;
    fill(said);
    try {
      show(await sendJson("/tour", { seconds: SECONDS }));
    } catch (error) {
      if (error instanceof ApiError && error.status === 409) return look();
      start.disabled = false;
      fail(error);
    }
  }

  async function end() {
    stop.disabled = true;
    try {
      show(await sendJson("/tour", {}, { method: "DELETE" }));
    } catch (error) {
      fail(error);
    }
    stop.disabled = false;
  }

  async function look() {
    clearTimeout(watching);
    try {
      show(await getJson("/tour"));
    } catch (error) {
      if (isRefusal(error)) {
        section.hidden = true;
        return;
      }
      // A tour goes on although its state cannot be read for a moment.
      if (!running) fail(error);
      watching = setTimeout(look, EVERY);
    }
  }

  function show(state) {
    clearTimeout(watching);
    section.hidden = false;
    running = state.running;
    if (state.running) watching = setTimeout(look, EVERY);
    const left = Math.ceil(state.seconds_left);
    start.disabled = state.running;
    stop.hidden = progress.hidden = !state.running;
    if (left > progress.max) progress.max = left;
    progress.value = progress.max - left;
    const begun = state.running || state.searches > 0 || state.failed > 0;
    fill(line, begun ? progressOf(state, left) : "");
    if (state.picture !== shown) replaceMarkup(picture, state.picture);
    shown = state.picture;
    fill(about, state.running ? state.message : "");
    fill(said, ...(!state.running && begun ? ending(state, search) : []));
  }

  function fail(error) {
    section.hidden = isRefusal(error);
    fill(said, element("p", { class: "notice bad" }, error.message));
  }

  onKey(look);
  look();
}

function isRefusal(error) {
  return error instanceof ApiError && [401, 403].includes(error.status);
}

function progressOf(state, left) {
  const failed = state.failed ? `, ${count(state.failed, "search", "searches")} failed` : "";
  const time = state.running ? `, ${count(left, "second", "seconds")} left` : "";
  return `${count(state.searches, "search", "searches")}, ${count(state.clicks, "click", "clicks")}${failed}${time}`;
}

function ending({ message, changed }, search) {
  const result = element("p", { class: "notice" }, message);
  if (!changed) return [result];
  return [
    result,
    element(
      "p",
      {},
      "Try it now: search for ",
      element("button", { class: "button", type: "button", on: { click: () => search(changed.query) } }, `“${changed.query}”`),
      `. Without learning “${changed.was_first}” comes first; after ${count(changed.searches, "search", "searches")} `
        + `it is “${changed.is_first}”. Open “Why here?” beside it to see what it owes to clicks.`,
    ),
  ];
}

function count(number, one, many) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}
