/** "Why here?": what a document owes to the arms, the ranking model, memory and chance. */

import { openDialog } from "../shared/dialog.js";
import { element } from "../shared/dom.js";
import { titleOf } from "./documents.js";
import { count, featureInWords, figure, percent, signed } from "./words.js";

/**
 * Open the explanation of a document.
 *
 * @param {any} found The document of the answer.
 * @param {any} explained What the explanation says of it.
 * @param {any} decision What the explanation says of the search.
 */
export function openWhy(found, explained, decision) {
  openDialog({
    kind: "drawer",
    title: `Why here? Place ${explained.place}`,
    line: titleOf(found),
    body: [
      element("p", { class: "lead" }, summary(explained, decision)),
      arms(explained),
      memory(explained.memory),
      model(explained, decision),
      chance(explained),
      element("p", { class: "muted small" }, `Document ${found.id}`),
    ],
  });
}

function summary(explained, decision) {
  const names = Object.keys(explained.arms);
  const by = names.length === 1 ? `Found by ${names[0]}` : `Found by ${names.length} arms: ${names.join(", ")}`;
  if (decision.in_union_order) return `${by}. The page is in the order of the union, without anything learned.`;
  if (explained.explored) return `${by}. Chance put it at place ${explained.place}; it would stand at ${explained.expected_place}.`;
  const { mean, prior } = explained.memory;
  if (mean !== null && prior !== null && Math.abs(mean - prior) > 0.005) {
    return `${by}. What people did with it for this query ${mean > prior ? "speaks for" : "speaks against"} it.`;
  }
  return `${by}. ${explained.ranker === null ? "It stands where the arms together put it" : "The ranking model put it here"}; nothing remembered moves it much.`;
}

function arms({ arms: found, fused }) {
  const rows = Object.entries(found).map(([arm, place]) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, arm),
      element("td", { class: "number" }, place.rank),
      element("td", { class: "number" }, figure(place.score)),
      element("td", { class: "number" }, figure(place.normalised, 2)),
    ),
  );
  return section(
    "The arms that found it",
    element(
      "table",
      { class: "table" },
      element("thead", {}, element("tr", {}, ...["Arm", "Rank", "Score", "0 to 1"].map((each, index) =>
        element("th", { scope: "col", class: index > 0 && "number" }, each)))),
      element("tbody", {}, ...rows),
    ),
    element("p", { class: "muted" }, union(fused)),
  );
}

function union({ place, score, searched_place: searched }) {
  const at = place > 0 ? `Together they put it at place ${place} of the union` : "Its place in the union is not known";
  const scored = score === null ? "" : ` (score ${figure(score)})`;
  const without = searched !== null && searched !== place ? `; without memory it would be ${searched}` : "";
  return `${at}${scored}${without}.`;
}

function memory(seen) {
  if (seen.looks === 0 && seen.successes === 0) {
    return section("What people did with it", element("p", {}, "Nobody has looked at it for this query yet, as far as it was learned."), expected(seen));
  }
  const since = seen.since === null ? "" : ` since ${new Date(seen.since * 1000).toLocaleString()}`;
  const earned = `For this query it earned as much as ${count(seen.successes, "click")} in ${count(seen.looks, "look")}${since}.`;
  return section("What people did with it", element("p", {}, earned), expected(seen));
}

function expected({ prior, mean, prior_looks: looks }) {
  if (prior === null || mean === null) return null;
  const worth = looks === null ? "" : ` (worth ${count(looks, "look")})`;
  return element("p", {}, `Expected click rate: ${prior.toFixed(2)} before${worth}, ${mean.toFixed(2)} now.`);
}

function model({ ranker, model_place: place, fused }, decision) {
  if (ranker === null) {
    const why = decision.ranker_version > 0 && !decision.in_union_order
      ? "It stood below the documents that the ranking model orders."
      : "No ranking model ordered this page: none is trained yet, or learning was left out.";
    return section("The ranking model", element("p", {}, why));
  }
  const effects = [
    [`Start: place ${fused.searched_place ?? "unknown"} without memory`, ranker.start],
    ["Mean of what the trees add", ranker.expected],
    ...Object.entries(ranker.contributions).map(([name, value]) => [featureInWords(name), value, name]),
  ];
  const most = Math.max(...effects.map(([, value]) => Math.abs(value)), 1e-9);
  return section(
    "The ranking model",
    element("p", {}, `It puts the document at place ${place}. Its score is the sum of these parts:`),
    element(
      "ul",
      { class: "effects" },
      ...effects.map(([words, value, name]) => effect(words, value, most, name)),
      element("li", { class: "sum" }, element("span", {}, "Score"), element("span"), element("span", { class: "number" }, signed(ranker.score))),
    ),
  );
}

function effect(words, value, most, name) {
  const part = element("span", { class: value < 0 ? "minus" : "plus" });
  part.style.width = `${(50 * Math.abs(value)) / most}%`;
  return element(
    "li",
    { title: name },
    element("span", {}, words),
    element("span", { class: "effect", "aria-hidden": "true" }, part),
    element("span", { class: "number" }, signed(value)),
  );
}

function chance({ explored, place, expected_place: expectedPlace, propensity }) {
  const drawn = propensity < 1 ? ` It was put at its place with probability ${percent(propensity)}.` : " Its place was not drawn by chance.";
  const told = explored
    ? `Exploration put it at place ${place} instead of ${expectedPlace}, to learn how it fares there.`
    : "Exploration did not move it.";
  return section("Chance", element("p", {}, told + drawn));
}

function section(title, ...children) {
  return element("section", {}, element("h3", {}, title), ...children);
}
