/** The search page. */

import { call } from "../shared/api.js";
import { byId, fill, h } from "../shared/dom.js";
import { mountForget, withKey } from "../shared/key.js";
import { watchImpressions } from "./feedback.js";
import { showMade } from "./made.js";
import { resultOf } from "./results.js";
import { failure, firstVisit, noticesOf, nothingFound, waiting } from "./states.js";
import { mountSuggestions, suggestionsFor } from "./suggest.js";
import { ids, mountSwitcher } from "./visitor.js";

const SLOW = 300;
const EXAMPLES = 6;

const input = /** @type {HTMLInputElement} */ (byId("query"));
const [results, notices, made, status] = ["results", "notices", "made", "status"].map(byId);
let searching = new AbortController();
let stopWatching = () => {};

const say = (text) => {
  status.textContent = text;
};
const queryInAddress = () => new URLSearchParams(location.search).get("q")?.trim() ?? "";
const suggestions = mountSuggestions(input, byId("suggestions"), (query) => {
  input.value = query;
  go(query);
});

byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  suggestions.close();
  go(input.value.trim());
});
addEventListener("popstate", show);
document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a[href^='?q=']") : null;
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(new URLSearchParams(link.getAttribute("href")).get("q") ?? "");
});
mountForget(/** @type {HTMLButtonElement} */ (byId("forget-key")));

start();

async function start() {
  const settings = await call("GET", "/pages/settings").catch(() => ({ users: [], tour: false }));
  mountSwitcher(settings.users, (who) => {
    say(who);
    if (queryInAddress()) show();
  });
  show();
  if (settings.tour) {
    const { mountTour } = await import("./tour.js");
    byId("tour").hidden = false;
    mountTour(byId("tour"));
  }
}

function go(query) {
  if (query !== queryInAddress()) history.pushState(null, "", query ? `?q=${encodeURIComponent(query)}` : location.pathname);
  show();
}

async function show() {
  const query = queryInAddress();
  searching.abort();
  stopWatching();
  stopWatching = () => {};
  input.value = query;
  document.title = query ? `${query} – ltrr` : "Search – ltrr";
  fill(notices);
  if (!query) {
    made.hidden = true;
    say("");
    fill(results, firstVisit([]));
    const examples = await suggestionsFor("");
    if (!queryInAddress()) fill(results, firstVisit(examples.slice(0, EXAMPLES)));
    return;
  }
  await search(query);
}

async function search(query) {
  searching = new AbortController();
  const { signal } = searching;
  const slow = setTimeout(() => {
    fill(results, waiting());
    say("Searching …");
  }, SLOW);
  const began = performance.now();
  try {
    const body = { query, explain: true, ...ids() };
    const page = await withKey("the scopes search and feedback", () => call("POST", "/search/run", body, { signal }));
    if (!signal.aborted) showPage(page, query, (performance.now() - began) / 1000);
  } catch (error) {
    if (signal.aborted) return;
    made.hidden = true;
    fill(results, failure(error, show));
    say("");
  } finally {
    clearTimeout(slow);
  }
}

function showPage(page, query, seconds) {
  fill(notices, ...noticesOf(page));
  if (!page.documents.length) fill(results, nothingFound(query));
  else {
    const items = page.documents.map((document, place) => resultOf(page, document, place + 1, query, say));
    fill(results, h("ol", { class: "results" }, items));
    if (page.logged) stopWatching = watchImpressions(page, items.map((item, place) => [item, page.documents[place].id, place + 1]));
  }
  showMade(made, page, seconds);
  const count = page.documents.length;
  say(`${count} ${count === 1 ? "result" : "results"} in ${Math.round(1000 * seconds)} ms.`);
}
