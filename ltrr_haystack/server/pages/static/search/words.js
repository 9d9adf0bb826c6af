/** Figures and names in plain words. */

const OF_TEXT = {
  bm25: "words of the query, weighted (BM25)", bm25_share: "words of the query, as a share of the most possible",
  coverage: "share of the query's words", idf_coverage: "share of the query's telling words",
  exact: "is exactly the query", prefix: "begins with the query", phrase: "has the query as a phrase",
  ordered: "words in the query's order", fuzzy_words: "similar words", fuzzy_part: "a similar part",
  fuzzy_whole: "similar as a whole", length: "length",
};
const OF_ARM = {
  present: "found it", reciprocal_rank: "place there", normalised: "score there, scaled", of_top_score: "score there, beside the best",
};
const OF_WHOLE = {
  arms: "How many arms found it", fused: "Score of the union", "fused.searched": "Score of the union without memory",
  "place.searched": "Place before learning", "memory.exposures": "How often it was looked at", "query.tokens": "Words in the query",
  "query.characters": "Length of the query", "query.has_digits": "Digits in the query", "query.language_known": "Language of the query is known",
};
const OF_READING = {
  agreement: "fits the likely readings", slots: "has the values that the query names", intents: "is of the kind looked for",
};

/**
 * @param {string} name A feature of the ranking model.
 * @returns {string} What it is, in words.
 */
export function featureInWords(name) {
  if (Object.hasOwn(OF_WHOLE, name)) return OF_WHOLE[name];
  const parts = name.split(".");
  const last = parts.at(-1);
  const field = parts[1] === "content" || parts[1] === "meta" ? 1 : 2; // after the language, where one is named
  if (parts[0] === "text" && OF_TEXT[last]) return `${capital(parts.slice(field, -1).filter((each) => each !== "meta").join(" "))}: ${OF_TEXT[last]}`;
  if (parts[0] === "query") return `Query is ${last.replaceAll("_", " ")}`;
  if (parts[0] === "reading") return capital(OF_READING[last] ?? `fits reading ${last}`);
  if (parts[0] === "static") return capital(parts.slice(1, -1).filter((each) => each !== "meta").join(" ") || last);
  if (parts[0] === "arm" && parts.length > 2) return `Arm ${parts.slice(1, -1).join(".")}: ${OF_ARM[last] ?? last}`;
  return capital(parts.join(" ").replaceAll("_", " "));
}

/** @returns {string} A share as a percentage. */
export function percent(share) {
  if (share > 0 && share < 0.001) return "<0.1\u00a0%";
  return `${(100 * share).toFixed(share < 0.0995 || share > 0.999 ? 1 : 0).replace(/\.0$/, "")}\u00a0%`;
}

/** @returns {string} A number with as many digits as tell something. */
export function figure(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return String(Number(value.toPrecision(digits)));
}

/** @returns {string} A number with its sign. */
export function signed(value) {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;
}

/** @returns {string} Seconds as milliseconds. */
export function milliseconds(seconds) {
  return seconds === null || seconds === undefined ? "–" : `${(1000 * seconds).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
}

/** @returns {string} A number with its noun, in the plural where that is right. */
export function count(number, noun) {
  const shown = figure(number, 3);
  return `${shown} ${noun}${shown === "1" ? "" : noun.endsWith("ch") ? "es" : "s"}`;
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
