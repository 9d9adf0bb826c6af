/** "How this search was made": readings, decision, arms, times and what went wrong. */

import { element, fill } from "../shared/dom.js";
import { figure, milliseconds, percent } from "./words.js";

/**
 * Show how a search was made.
 *
 * @param {HTMLElement} place Where to show it.
 * @param {any} answer The answer, with its explanation.
 * @param {number} seconds How long the whole request took.
 */
export function showMade(place, answer, seconds) {
  const decision = answer.explanation?.decision;
  place.hidden = decision === undefined;
  if (decision === undefined) return;
  const details = element(
    "details",
    { class: "card", open: matchMedia("(min-width: 60rem)").matches },
    element("summary", { id: "made-title" }, "How this search was made"),
    readings(answer),
    arms(decision, answer.missing_arms),
    chosen(decision, answer),
    times(decision, seconds),
    problems(answer),
  );
  fill(place, details);
}

function readings({ readings: found, query_type: type, language, intents }) {
  const shown = (found ?? []).slice(0, 5).map((reading) => {
    const slots = Object.entries(reading.slots).map(([field, value]) => `${field} = ${value}`);
    const said = slots.length === 0 ? `all of it as text` : slots.join(", ");
    const rest = slots.length > 0 && reading.leftover ? element("span", { class: "muted" }, ` and “${reading.leftover}”`) : null;
    return element(
      "div",
      { class: "reading" },
      element("div", { class: "said" }, element("span", {}, said, rest), element("span", { class: "number" }, percent(reading.probability))),
      bar(reading.probability),
    );
  });
  const likely = Object.entries(intents ?? {}).sort((a, b) => b[1] - a[1]).slice(0, 3);
  return element(
    "div",
    {},
    element("h3", {}, "What the query may mean"),
    ...(shown.length === 0 ? [element("p", {}, "It was taken as text.")] : shown),
    element("p", { class: "muted small" }, [
      `Type: ${type ?? "unknown"}`,
      `language: ${language === "und" ? "cannot be told" : language ?? "unknown"}`,
      ...(likely.length === 0 ? [] : [`after: ${likely.map(([name, share]) => `${name} ${percent(share)}`).join(", ")}`]),
    ].join(" · ")),
  );
}

function arms(decision, missing) {
  const failed = new Set(missing.map((each) => each.arm));
  const deepest = Math.max(...Object.values(decision.arms).map((each) => each.depth), 1);
  const rows = Object.entries(decision.arms).map(([arm, made]) => {
    const chances = made.levels.map((level, index) => [level, made.probabilities[index]]).filter(([, chance]) => chance !== undefined);
    const brought = made.depth === 0 ? "not asked" : failed.has(arm) ? "failed" : `${made.returned ?? 0} of ${made.depth}`;
    return element(
      "div",
      { class: "share" },
      element("div", { class: "said" }, element("span", {}, arm), element("span", { class: "number" }, brought)),
      bar((made.returned ?? 0) / deepest),
      chances.length > 0 && element("p", { class: "muted small number" }, `Depths: ${chances.map(([level, chance]) => `${level} (${percent(chance)})`).join(", ")}`),
    );
  });
  return element("div", {}, element("h3", {}, "Arms: candidates brought, of those asked for"), ...rows);
}

function chosen(decision, answer) {
  const facts = [
    ["Searched before", timesBefore(decision.searched_before)],
    ["Chance of this choice", percent(decision.propensity)],
    ["Mode", decision.mode],
    ["Policy", `${decision.policy}, version ${decision.policy_version}`],
    ["Ranking model", decision.ranker_version === 0 ? "none yet" : `version ${decision.ranker_version}`],
    ["Safe start", decision.safe_start ? "holds the policy back until the log shows that it is worth more" : "does not hold it back"],
    ...(answer.decision.verdict ? [["Verdict", answer.decision.verdict]] : []),
    ...(decision.baseline_share > 0 ? [["Baseline share", percent(decision.baseline_share)]] : []),
    ...(decision.floor > 0 ? [["Exploration", percent(decision.floor)]] : []),
  ];
  return element("div", {}, element("h3", {}, "The decision"), definitions(facts));
}

function timesBefore(searched) {
  if (searched === 0) return "never, as far as was learned: served as a new query";
  return searched === 1 ? "once" : `${figure(searched)} times`;
}

function times(decision, seconds) {
  const ran = Object.entries(decision.arms).filter(([, made]) => made.seconds !== null);
  return element(
    "div",
    {},
    element("h3", {}, "Times"),
    definitions([["Whole request", milliseconds(seconds)], ...ran.map(([arm, made]) => [arm, milliseconds(made.seconds)])]),
  );
}

function problems({ missing_arms: missing, warnings }) {
  const said = [...missing.map(({ arm, reason }) => `${arm} is missing: ${reason}`), ...warnings];
  if (said.length === 0) return null;
  return element("div", {}, element("h3", {}, "What went wrong"), element("ul", { class: "problems" }, ...said.map((each) => element("li", {}, each))));
}

function definitions(facts) {
  return element("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [
    element("dt", {}, name),
    element("dd", { class: "number" }, typeof value === "number" ? figure(value) : value),
  ]));
}

function bar(share) {
  const inner = element("span");
  inner.style.width = `${100 * Math.max(0, Math.min(1, share))}%`;
  return element("div", { class: "bar", "aria-hidden": "true" }, inner);
}
