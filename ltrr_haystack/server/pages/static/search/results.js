/** The results, and what can be done with each. */

import { h, openDialog } from "../shared/dom.js";
import { eventOf, send, sendQuietly } from "./feedback.js";
import { factsOf, metadataOf, snippet, titleOf, typeOf } from "./text.js";
import { openWhy } from "./why.js";

const BUTTONS = [["like", "Like", "Liked"], ["play", "Play", "Played"], ["dislike", "Hide", "Hidden"]];

/**
 * Make one result.
 *
 * @param {any} page The response to the search.
 * @param {any} document The document.
 * @param {number} ordinal Its place, from 1.
 * @param {string} query What was searched for.
 * @param {(text: string) => void} say Tells the visitor what became of an action.
 * @returns {HTMLElement}
 */
export function resultOf(page, document, ordinal, query, say) {
  const title = titleOf(document);
  const explained = page.explanation?.documents[document.id];
  const facts = factsOf(document).map(([field, value]) => `${field}: ${value}`).join(" · ");
  const item = h(
    "li",
    { class: "card result", "data-id": document.id },
    h("span", { class: "place number" }, ordinal),
    h(
      "div",
      { class: "body" },
      h(
        "div",
        { class: "row title-row" },
        h("h2", {}, h("button", { type: "button", class: "title", onclick: open }, title)),
        typeOf(document) ? h("span", { class: "tag" }, typeOf(document)) : null,
      ),
      h("p", { class: "snippet" }, snippet(document.content ?? "", query)),
      facts ? h("p", { class: "small dim" }, facts) : null,
      h(
        "p",
        { class: "row small" },
        h("span", { class: "dim" }, "found by"),
        Object.entries(document.arms).map(([arm, { rank }]) => h("span", { class: `tag${arm === "memory" ? " accent" : ""}` }, `${arm} ${rank}`)),
        explained?.explored ? h("span", { class: "tag accent" }, "put here by chance") : null,
      ),
      h(
        "div",
        { class: "row actions" },
        page.logged ? BUTTONS.map(([action, text, done]) => actionButton(action, text, done)) : null,
        h("button", { type: "button", class: "plain", "aria-haspopup": "dialog", "aria-label": `Why here? ${title}`, onclick: () => openWhy(document, explained) }, "Why here?"),
      ),
    ),
  );
  return item;

  function open() {
    if (page.logged) deliver(eventOf("click", page, document.id, ordinal), `Your click on “${title}”`);
    const opened = Date.now();
    const leave = () => {
      removeEventListener("pagehide", leave);
      const seconds = (Date.now() - opened) / 1000;
      if (page.logged) sendQuietly([eventOf("dwell", page, document.id, ordinal, { dwell_seconds: seconds })]);
    };
    addEventListener("pagehide", leave);
    openDialog(title, [
      h("p", { class: "text" }, document.content ?? ""),
      h("section", {}, h("h3", {}, "Metadata"), h("div", { class: "scroll" }, h("table", {}, h("tbody", {}, metadataOf(document).map(
        ([field, value]) => h("tr", {}, h("th", { scope: "row" }, field), h("td", {}, value)),
      ))))),
    ], { onclose: leave });
  }

  function actionButton(action, text, done) {
    const event = eventOf(action, page, document.id, ordinal);
    const button = h("button", { type: "button", "aria-pressed": "false", "aria-label": `${text} ${title}`, onclick: press }, text);
    return button;

    async function press() {
      button.disabled = true;
      if (await deliver(event, `“${title}”: ${done.toLowerCase()}`)) {
        button.textContent = done;
        button.setAttribute("aria-pressed", "true");
        item.classList.toggle("put-away", action === "dislike" || item.classList.contains("put-away"));
      } else {
        button.textContent = `${text}: try again`;
        button.disabled = false;
        button.focus();
      }
    }
  }

  async function deliver(event, what) {
    try {
      const answer = await send([event]);
      const outcome = answer.results[0];
      say(outcome.status === "rejected" ? `${what} was not taken: ${outcome.reason}` : `${what} is taken, and counts in a moment.`);
      return outcome.status !== "rejected";
    } catch (error) {
      say(`${what} could not be sent: ${error.message}`);
      return false;
    }
  }
}
