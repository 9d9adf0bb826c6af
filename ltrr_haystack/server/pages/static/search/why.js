/** Why a document stands where it does. */

import { h, openDialog } from "../shared/dom.js";
import { decimal, percent, titleOf } from "./text.js";

const WORDS = {
  "place.searched": "place in the union",
  fused: "score of the union",
};

/**
 * Open the drawer of a result.
 *
 * @param {object} document The document.
 * @param {object|undefined} explained What the response explains of it.
 */
export function openWhy(document, explained) {
  const content = explained
    ? [verdict(explained), arms(explained), union(explained), ranker(explained), memory(explained), chance(explained)]
    : [h("p", {}, "The server did not explain this page.")];
  openDialog(`Why here? ${titleOf(document)}`, content, { side: true });
}

function verdict(explained) {
  const [place, expected] = [explained.place, explained.expected_place];
  const moved = place === expected
    ? "It stands where what is known of it puts it."
    : `Without chance it would stand at place ${expected}.`;
  return h("section", {}, h("p", {}, `Place ${place} of the page. ${moved}`));
}

function arms(explained) {
  const rows = Object.entries(explained.arms).map(([arm, found]) => h(
    "tr",
    {},
    h("td", {}, arm),
    h("td", { class: "number" }, found.rank),
    h("td", { class: "number" }, decimal(found.score, 3)),
  ));
  return section(
    "Which arms found it",
    h("div", { class: "scroll" }, h(
      "table",
      {},
      h("thead", {}, h("tr", {}, heading("arm"), heading("rank", true), heading("its own score", true))),
      h("tbody", {}, rows),
    )),
  );
}

function union({ fused, model_place: place }) {
  const searched = fused.searched_place ? ` Without the memory it would be place ${fused.searched_place} there.` : "";
  return section(
    "The union of the arms",
    h("p", {}, fused.place ? `Reciprocal rank fusion puts it at place ${fused.place} of all candidates.${searched}` : "Its place in the union is not known."),
    h("p", { class: "small dim" }, `The ranking model's order has it at place ${place}.`),
  );
}

function ranker({ ranker: part }) {
  if (!part) return section("The ranking model", h("p", {}, "No ranking model ordered this page."));
  const effects = Object.entries(part.contributions);
  const most = Math.max(...effects.map(([, effect]) => Math.abs(effect)), 1e-9);
  return section(
    "The ranking model",
    h("p", { class: "small dim" }, `Its score is ${decimal(part.score)}: ${decimal(part.start)} for the place in the union, ${decimal(part.expected)} on average, and what each feature adds to or takes from that.`),
    h("ul", { class: "effects" }, effects.map(([feature, effect]) => bar(feature, effect, most))),
    effects.length ? null : h("p", {}, "No feature made a difference."),
  );
}

function bar(feature, effect, most) {
  const width = (50 * Math.abs(effect)) / most;
  return h(
    "li",
    { class: "effect" },
    h("span", {}, WORDS[feature] ?? feature.replaceAll("_", " ")),
    h(
      "svg",
      { viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
      h("line", { class: "middle", x1: 50, x2: 50, y1: 0, y2: 8 }),
      h("rect", { class: effect < 0 ? "against" : "for", x: effect < 0 ? 50 - width : 50, y: 1, width, height: 6 }),
    ),
    h("span", { class: "number" }, `${effect < 0 ? "−" : "+"}${decimal(Math.abs(effect), 3)}`),
  );
}

function memory({ memory: part }) {
  const since = part.since ? ` since ${new Date(1000 * part.since).toLocaleString()}` : "";
  const seen = part.looks > 0
    ? `For this query it earned ${decimal(part.successes, 1)} clicks' worth in ${decimal(part.looks, 1)} looks${since}.`
    : "Nobody has been seen to look at it for this query yet.";
  const rates = part.mean === null || part.prior === null
    ? ""
    : `Expected click rate: ${percent(part.prior)} before, worth ${decimal(part.prior_looks, 0)} looks; ${percent(part.mean)} with what was seen.`;
  return section("The memory", h("p", {}, seen), rates ? h("p", {}, rates) : null);
}

function chance({ explored, propensity, expected_place: expected }) {
  const text = explored
    ? `Chance put it here: it would stand at place ${expected} otherwise. It was put at this place with probability ${decimal(propensity)}.`
    : propensity < 1
      ? `This place was drawn, with probability ${decimal(propensity)}, and it came out where it would stand anyway.`
      : "Nothing was left to chance here.";
  return section("Exploration", h("p", {}, text));
}

function section(title, ...content) {
  return h("section", {}, h("h3", {}, title), ...content);
}

function heading(text, number = false) {
  return h("th", { scope: "col", class: number ? "number" : "" }, text);
}
