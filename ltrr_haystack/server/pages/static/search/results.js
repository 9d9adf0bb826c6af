/** The list of results. */

import { element } from "../shared/dom.js";
import { contentOf, markedParts, metadataOf, snippetOf, titleOf, typeOf } from "./documents.js";
import { makeEvent, sendEvents } from "./events.js";
import { feedbackButton } from "./feedback_button.js";
import { openDocument } from "./document_view.js";
import { openWhy } from "./why.js";

/**
 * @param {any} answer The answer to a search.
 * @param {{query_id: string, query: string, who: Record<string, string>, logged: boolean, done: string[], did: (what: string) => void}} search
 *   `done` is what was done with the page before, and `did` adds to it.
 * @param {Map<string, number>} before Where the documents stood in the search before, if it was for the same query.
 * @param {(text: string) => void} say Tells something to who searches.
 * @returns {HTMLElement}
 */
export function resultList(answer, search, before, say) {
  return element(
    "ol",
    { class: "results" },
    ...answer.documents.map((found, index) => result(found, index + 1, answer, { search, before, say })),
  );
}

function result(found, ordinal, answer, { search, before, say }) {
  const title = titleOf(found);
  const on = { id: found.id, ordinal };
  const explained = answer.explanation?.documents[found.id];
  const row = element("li", { class: "result", "data-id": found.id });
  const open = element("button", { class: "result-title", type: "button", on: { click: opened } }, title);

  function opened() {
    openDocument(found, ordinal, search);
    if (!search.logged || row.dataset.clicked || search.done.includes(`click ${found.id}`)) return;
    row.dataset.clicked = "yes";
    sendClick(makeEvent("click", search, on));
  }
  async function sendClick(event, attempts = 2) {
    try {
      const [outcome] = await sendEvents([event]);
      if (outcome.status !== "rejected") search.did(`click ${found.id}`);
      say(outcome.status === "rejected" ? `The click does not count: ${outcome.reason}.` : `Opened: feedback ${outcome.status}.`);
    } catch (error) {
      if (attempts > 1) setTimeout(() => sendClick(event, attempts - 1), 1000);
      else {
        delete row.dataset.clicked;
        say(`The click was not taken: ${error.message}. Open it again to send it again.`);
      }
    }
  }
  const act = (label, done, action, after = () => {}) => {
    const what = `${action} ${found.id}`;
    const isDone = search.done.includes(what);
    if (isDone) after();
    const did = () => {
      search.did(what);
      after();
    };
    return feedbackButton({ label, done, isDone, about: title, make: () => makeEvent(action, search, on), say, after: did });
  };
  row.append(
    element("div", { class: "result-head" }, element("h2", {}, open), element("span", { class: "result-type" }, moved(before.get(found.id), ordinal), " ", typeOf(found))),
    element(
      "div",
      { class: "body" },
      element("p", { class: "snippet" }, ...marked(snippetOf(withoutTitle(contentOf(found), title), search.query), search.query)),
      element("dl", { class: "meta" }, ...metadataOf(found.meta).map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)))),
    ),
    element(
      "div",
      { class: "foot" },
      element("ul", { class: "arms", "aria-label": "Found by" }, ...Object.entries(found.arms).map(([arm, place]) =>
        element("li", { class: arm === "memory" ? "tag learned" : "tag", title: `${arm}: rank ${place.rank}` }, `${arm} `, element("b", {}, place.rank)))),
      element(
        "div",
        { class: "acts" },
        search.logged && act("Like", "Liked", "like"),
        search.logged && act("Play", "Played", "play"),
        search.logged && act("Hide", "Hidden", "dislike", () => row.classList.add("hidden-result")),
        explained &&
          element("button", { class: "button plain", type: "button", "aria-label": `Why here? ${title}`, on: { click: () => openWhy(found, explained, answer.explanation.decision) } }, "Why here?"),
      ),
    ),
  );
  return row;
}

function moved(before, now) {
  if (before === undefined || before === now) return null;
  const up = before > now;
  return element("span", { class: up ? "moved" : "moved down" }, `${up ? "↑" : "↓"} from ${before}`);
}

function marked(text, query) {
  return markedParts(text, query).map((part) => (part.marked ? element("mark", {}, part.text) : part.text));
}

function withoutTitle(content, title) {
  return content.startsWith(title) ? content.slice(title.length).replace(/^[\s.:–-]+/, "") || content : content;
}
