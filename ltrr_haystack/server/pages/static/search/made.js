/** The panel "How this search was made". */

import { fill, h } from "../shared/dom.js";
import { decimal, percent } from "./text.js";

/**
 * Fill the panel.
 *
 * @param {HTMLElement} panel The panel.
 * @param {any} page The response to the search.
 * @param {number} seconds How long the whole request took.
 */
export function showMade(panel, page, seconds) {
  const wide = matchMedia("(min-width: 62rem)").matches;
  fill(panel, h(
    "details",
    { class: "card", open: wide },
    h("summary", {}, "How this search was made"),
    ...understood(page),
    ...allocation(page),
    h("h3", {}, "Decision"),
    facts([
      ["probability", decimal(page.decision.propensity, 3)],
      ["mode", page.decision.mode],
      ["policy", page.decision.policy_version ? `version ${page.decision.policy_version}` : "none yet"],
      ["ranking model", page.explanation?.decision.ranker_version ? `version ${page.explanation.decision.ranker_version}` : "none yet"],
      ["safe start", page.decision.safe_start ? "holds the policy back" : "does not hold the policy back"],
      ["verdict", page.decision.verdict],
      ["whole request", `${Math.round(1000 * seconds)} ms`],
    ]),
  ));
  panel.hidden = false;
}

function understood(page) {
  if (!page.query_type) return [];
  const intents = Object.entries(page.intents ?? {}).slice(0, 4).map(([intent, p]) => `${intent} ${percent(p)}`).join(", ");
  return [
    h("h3", {}, "Understood"),
    facts([
      ["query type", page.query_type],
      ["language", page.language === "und" ? "cannot be told" : page.language],
      ["looks for", intents],
    ]),
    ...(page.readings?.length ? [h("h3", {}, "Readings"), h("ul", {}, page.readings.map(reading))] : []),
  ];
}

function reading({ slots, leftover, probability }) {
  const parts = Object.entries(slots).map(([field, value]) => h("span", { class: "tag" }, `${field}: ${value}`));
  return h(
    "li",
    { class: "reading" },
    h("span", { class: "number dim" }, percent(probability)),
    h("span", { class: "row" }, parts, leftover ? h("span", {}, `text “${leftover}”`) : null),
  );
}

function allocation(page) {
  const explained = page.explanation?.decision.arms ?? {};
  const missing = new Map(page.missing_arms.map(({ arm, reason }) => [arm, reason]));
  const depths = Object.entries(page.decision.allocation);
  const most = Math.max(...depths.map(([, depth]) => depth), 1);
  return [
    h("h3", {}, "Candidates asked of each arm"),
    h("ul", {}, depths.map(([arm, depth]) => {
      const told = explained[arm];
      const took = told?.seconds === null || told?.seconds === undefined ? "" : ` in ${Math.round(1000 * told.seconds)} ms`;
      const came = missing.has(arm) ? `missing: ${missing.get(arm)}` : depth ? `${told?.returned ?? "–"} of ${depth}${took}` : "rests";
      return h(
        "li",
        { class: "share", title: chances(told) },
        h("span", {}, arm),
        h(
          "svg",
          { viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
          h("rect", { class: "track", x: 0, y: 1, width: 100, height: 6 }),
          h("rect", { class: missing.has(arm) ? "against" : "for", x: 0, y: 1, width: (100 * depth) / most, height: 6 }),
        ),
        h("span", { class: "number dim" }, came),
      );
    })),
    probabilities(explained),
  ];
}

function probabilities(arms) {
  const drawn = Object.entries(arms).filter(([, told]) => told.probabilities.length);
  if (!drawn.length) return h("p", { class: "small dim" }, "No policy was asked: the baseline was played.");
  return h(
    "details",
    {},
    h("summary", { class: "small dim" }, "Probabilities of the policy"),
    h("ul", { class: "small" }, drawn.map(([arm, told]) => h("li", {}, `${arm}: ${chances(told)}`))),
  );
}

function chances(told) {
  return told ? told.levels.map((level, place) => `${level} with ${decimal(told.probabilities[place], 2)}`).join(", ") : "";
}

function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", { class: "facts" }, known.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}
