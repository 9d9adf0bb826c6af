/** The learning dashboard: asks for the data every few seconds while the page is seen. */

import { getJson } from "../shared/api.js";
import { byId, element, fill } from "../shared/dom.js";
import { apiKey } from "../shared/key.js";
import { mountKeyForm } from "../shared/key_form.js";
import { showVersions } from "./versions.js";
import { showSections, showTiles, showVerdict } from "./view.js";

const SECONDS = 4;
const RANGES = [["1 hour", 1], ["24 hours", 24], ["7 days", 168], ["30 days", 720], ["everything", null]];

let hours = null;
let timer = 0;
let round = 0;

function showRanges() {
  const buttons = RANGES.map(([name, range]) => element("button", {
    class: "button",
    type: "button",
    "aria-pressed": String(range === hours),
    on: {
      click: (event) => {
        hours = range;
        for (const each of buttons) each.setAttribute("aria-pressed", String(each === event.currentTarget));
        refresh();
      },
    },
  }, name));
  fill(byId("range"), ...buttons);
}

function say(text, bad = false) {
  const state = byId("state");
  const kind = bad ? "notice bad" : "muted small";
  if (state.className !== kind) state.className = kind;
  if (state.textContent !== text) state.textContent = text;
}

async function refresh() {
  clearTimeout(timer);
  const mine = ++round;
  let wait = SECONDS;
  try {
    const path = hours === null ? "/learning/data" : `/learning/data?hours=${hours}`;
    const data = await getJson(path);
    if (mine !== round) return;
    show(data);
    if (data.reached < 1) wait = 0.5;
  } catch (error) {
    if (mine !== round) return;
    const before = shownBefore() ? " The figures below are those of before." : "";
    // Whoever gave no key is not asked again every few seconds; a new key, or a range, begins anew. The form says why.
    if (error.status === 401 || (error.status === 403 && apiKey() !== null)) {
      say(before.trim());
      keyForm.ask(apiKey() === null ? "" : error.message);
      return;
    }
    say(`${error.message.replace(/[.]$/, "")}.${before}`, true);
    if (error.status === 403) return;
    wait = error.retryAfter ?? SECONDS;
  }
  if (!document.hidden) timer = setTimeout(refresh, wait * 1000);
}

function shownBefore() {
  return byId("tiles").childElementCount > 0;
}

function show(data) {
  showVerdict(data);
  showTiles(data.tiles);
  showSections(data.sections);
  showVersions(data.models, refresh);
  if (data.reached < 1) say(`Reading the log: ${Math.round(100 * data.reached)} % so far.`);
  else if (data.searches === 0) say("No settled search in this range yet. This page fills by itself as people search.");
  else say("Up to date. The figures follow the log while you look.");
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else if (byId("key-place").childElementCount === 0) refresh();
});
const keyForm = mountKeyForm("the scope admin", refresh);
showRanges();
refresh();
