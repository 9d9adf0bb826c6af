/** The search page. */

import { getJson, sendJson } from "../shared/api.js";
import { closeDialog } from "../shared/dialog.js";
import { byId, element, fill } from "../shared/dom.js";
import { apiKey } from "../shared/key.js";
import { mountKeyForm } from "../shared/key_form.js";
import { makeEvent, sendQuietly } from "./events.js";
import { showMade } from "./made.js";
import { keepPage, keptPage } from "./kept.js";
import { resultList } from "./results.js";
import { armsMissing, failed, notAskedFor, notLogged, nothingFound, skeleton } from "./states.js";
import { mountSuggestions, suggestionsFor } from "./suggest.js";
import { identity } from "./visitor.js";
import { mountUserSwitcher } from "./user_switcher.js";
import { count, milliseconds } from "./words.js";

const SLOW = 300;
const input = /** @type {HTMLInputElement} */ (byId("query"));
const results = byId("results");
const made = byId("made");
let running = null;
let last = { query: null, places: new Map() };
let settings = { keys_needed: false, tour: false, users: [] };
let toastTimer = 0;

function say(text) {
  byId("live").textContent = text;
  const toast = byId("toast");
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { toast.hidden = true; }, 4000);
}

function queryInAddress() {
  return (new URLSearchParams(location.search).get("q") ?? "").trim();
}

/** Search because somebody asked for it on this page. */
function go(query) {
  const wanted = query.trim();
  if (wanted === "") return input.focus();
  if (wanted !== queryInAddress()) history.pushState(null, "", `?q=${encodeURIComponent(wanted)}`);
  return show({ asked: true });
}

/** Show what the address says: any site can lead here, and Back and reload do, so the search is not logged unless `asked`. */
function show({ asked = false } = {}) {
  closeDialog();
  suggestions.close();
  const query = queryInAddress();
  input.value = query;
  byId("hero").hidden = query !== "";
  document.body.classList.toggle("landing", query === "");
  document.title = query === "" ? "Search" : `${query} · Search`;
  byId("heading").textContent = query === "" ? "Search" : `Search: ${query}`;
  if (query === "") {
    running?.abort();
    fill(results);
    made.hidden = true;
    last = { query: null, places: new Map() };
    examples();
    return;
  }
  const kept = asked ? null : keptPage(query, identity());
  if (kept === null) search(query, asked);
  else {
    running?.abort();
    byId("examples").hidden = true;
    found(kept, kept.answer, kept.seconds);
  }
}

async function search(query, asked = true) {
  running?.abort();
  const call = new AbortController();
  running = call;
  byId("examples").hidden = true;
  results.setAttribute("aria-busy", "true");
  const slow = setTimeout(() => {
    fill(results, skeleton());
    made.hidden = true;
    byId("live").textContent = "Searching …";
  }, SLOW);
  const since = performance.now();
  const who = identity();
  try {
    const answer = await sendJson("/search/run", { query, explain: true, log: asked, ...who }, { signal: call.signal });
    if (call.signal.aborted) return;
    const seconds = (performance.now() - since) / 1000;
    const page = keepPage({ query, who, asked, answer, seconds, done: [] });
    found(page, answer, seconds);
    if (answer.logged && answer.documents.length > 0) {
      const on = { query_id: answer.query_id, query, who };
      sendQuietly(answer.documents.map((each, index) => makeEvent("impression", on, { id: each.id, ordinal: index + 1 })));
    }
  } catch (error) {
    if (error.name === "AbortError" || call.signal.aborted) return;
    made.hidden = true;
    if (error.status === 401) {
      fill(results);
      keyForm.ask(apiKey() === null ? "" : error.message);
      return;
    }
    fill(results, failed(error, () => search(query)));
    byId("live").textContent = results.textContent;
  } finally {
    clearTimeout(slow);
    if (running === call) results.removeAttribute("aria-busy");
  }
}

function found(page, answer, seconds) {
  const { query, who, asked, done } = page;
  const here = { query_id: answer.query_id, query, who, logged: answer.logged, done, did: (what) => keepPage(page, what) };
  const before = last.query === query ? last.places : new Map();
  last = { query, places: new Map(answer.documents.map((each, index) => [each.id, index + 1])) };
  const summary = `${count(answer.documents.length, "result")} in ${milliseconds(seconds)}`;
  const again = element("button", { class: "button plain", type: "button", on: { click: () => search(query) } }, "Search again");
  fill(
    results,
    element("div", { class: "summary" }, element("span", {}, summary), again),
    answer.logged ? null : asked ? notLogged() : notAskedFor(),
    answer.missing_arms.length > 0 && armsMissing(answer.missing_arms),
    answer.documents.length === 0 ? nothingFound(query) : resultList(answer, here, before, say),
  );
  showMade(made, answer, seconds);
  byId("live").textContent = `${summary}.${answer.logged ? "" : " Feedback will not be taken."}`;
}

async function examples() {
  const place = byId("examples");
  const queries = (await suggestionsFor("")).slice(0, 5);
  place.hidden = queries.length === 0 || queryInAddress() !== "";
  fill(place, element("span", { class: "muted small" }, "Try"), ...queries.map((query) =>
    element("button", { class: "button", type: "button", on: { click: () => go(query) } }, query)));
}

async function begin() {
  try {
    settings = await getJson("/pages/settings");
  } catch {
    // Whatever is wrong, the search will say it.
  }
  mountUserSwitcher(settings.users, say, () => queryInAddress() !== "" && go(queryInAddress()));
  if (settings.tour) {
    const section = byId("tour");
    try {
      const { mountTour } = await import("./tour.js");
      mountTour(section, go);
    } catch {
      section.hidden = true;
    }
  }
  if (settings.keys_needed && apiKey() === null) keyForm.ask();
  else {
    show();
    if (queryInAddress() === "") input.focus();
  }
}

const suggestions = mountSuggestions(input, byId("suggestions"), go);
const keyForm = mountKeyForm("the scopes search and feedback", () => show());
byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  go(input.value);
});
window.addEventListener("popstate", () => show());
document.body.classList.toggle("landing", queryInAddress() === "");
byId("hero").hidden = queryInAddress() !== "";
begin();
