/** What of a document is shown, whatever its metadata look like. */

import { h } from "../shared/dom.js";

const TITLES = ["title", "name", "label", "headline"];
const TYPES = ["type", "category", "kind"];
const OURS = /^(ltrr_|_)|^content_tags$/;
const LONGEST_VALUE = 80;
const MOST_FACTS = 5;
const SNIPPET = 220;

/**
 * @param {{id: string, content: string|null, meta: Record<string, unknown>}} document A document of a response.
 * @returns {string} Its title: a field of its metadata, or the first line of its text, or its id.
 */
export function titleOf(document) {
  const named = TITLES.map((field) => document.meta[field]).find((value) => typeof value === "string" && value.trim());
  const line = (document.content ?? "").split("\n").find((each) => each.trim()) ?? "";
  return named ?? (line.length > 100 ? `${line.slice(0, 100)} …` : line || document.id);
}

/** @returns {string} What sort of thing a document is; empty where its metadata do not say. */
export function typeOf(document) {
  const found = TYPES.map((field) => document.meta[field]).find((value) => typeof value === "string");
  return found ?? "";
}

/** @returns {Array<[string, string]>} A few short metadata, as texts. */
export function factsOf(document) {
  const rest = Object.entries(document.meta).filter(
    ([field]) => ![...TITLES, ...TYPES].includes(field) && !OURS.test(field) && !/(^|_)id$/.test(field),
  );
  return rest.map(([field, value]) => [field.replaceAll("_", " "), short(value)]).filter(([, value]) => value).slice(0, MOST_FACTS);
}

/** @returns {Array<[string, string]>} All metadata, as texts. */
export function metadataOf(document) {
  return Object.entries(document.meta).map(([field, value]) => [field, typeof value === "string" ? value : JSON.stringify(value)]);
}

/**
 * Cut a text around the query's words, and mark them.
 *
 * @param {string} text The text.
 * @param {string} query The query.
 * @returns {Array<Node|string>}
 */
export function snippet(text, query) {
  const words = query.toLocaleLowerCase().match(/[\p{L}\p{N}]{2,}/gu) ?? [];
  const low = text.toLocaleLowerCase();
  const first = Math.min(...words.map((word) => low.indexOf(word)).filter((place) => place >= 0), Infinity);
  const start = Number.isFinite(first) && first > SNIPPET * 0.7 ? low.lastIndexOf(" ", first - 60) + 1 : 0;
  const part = text.slice(start, start + SNIPPET);
  const cut = [start > 0 ? "… " : "", ...marked(part, words), start + SNIPPET < text.length ? " …" : ""];
  return cut.filter(Boolean);
}

function marked(text, words) {
  if (!words.length) return [text];
  const pattern = new RegExp(`(${words.map((word) => word.replace(/[^\p{L}\p{N}]/gu, "\\$&")).join("|")})`, "giu");
  return text.split(pattern).map((part, index) => (index % 2 ? h("mark", {}, part) : part));
}

function short(value) {
  if (Array.isArray(value)) return short(value.filter((each) => typeof each !== "object").slice(0, 4).join(", "));
  if (!["string", "number", "boolean"].includes(typeof value)) return "";
  const text = String(value);
  return text.length > LONGEST_VALUE ? "" : text;
}

/** @returns {string} A share as a percentage. */
export function percent(share) {
  return `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
}

/** @returns {string} A number with so many digits after the point; a dash for none. */
export function decimal(value, digits = 2) {
  return Number.isFinite(value) ? value.toFixed(digits) : "–";
}
