/** What a document shows of itself: title, type, text, snippet and a line of metadata. */

const SNIPPET = 220;
const NEVER_SHOWN = /(^|_)ids?$|embedding|vector|file_path|source_id|split|^page_number$|^title$|^name$|^type$|^category$/i;
/** Control characters but tab and line breaks, and what changes the direction of the text that follows. */
const INVISIBLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const FIRST = ["artist", "author", "brand", "genre", "year", "date"];

/**
 * @param {{id: string, content: string|null, meta: Record<string, any>}} found A document of an answer.
 * @returns {string} Its title, its name, the first line of its text, or its id.
 */
export function titleOf(found) {
  const given = text(found.meta?.title) || text(found.meta?.name);
  const line = given || contentOf(found).trim().split(/\r?\n/, 1)[0].trim();
  return cut(line || text(found.id), 140);
}

/** @returns {string} Its text; empty if it has none. */
export function contentOf(found) {
  return (found.content ?? "").replace(INVISIBLE, "");
}

/** @returns {string} What sort of thing it is; empty where that is not known. */
export function typeOf(found) {
  return cut(text(found.meta?.type) || text(found.meta?.category), 40);
}

/**
 * The part of the text in which most words of the query stand close together.
 *
 * @param {string} content The text.
 * @param {string} query The query.
 * @returns {string} At most `SNIPPET` characters and what shows that something was left out.
 */
export function snippetOf(content, query) {
  const flat = content.replace(/\s+/g, " ").trim();
  if (flat.length <= SNIPPET) return flat;
  const places = [...flat.matchAll(patternOf(query) ?? /$^/g)].map((each) => each.index);
  let start = 0;
  let most = 0;
  for (const place of places) {
    const within = places.filter((each) => each >= place && each < place + SNIPPET).length;
    if (within > most) [most, start] = [within, place];
  }
  start = Math.max(0, start - 40);
  if (start > 0) start = flat.indexOf(" ", start) + 1;
  const end = start + SNIPPET >= flat.length ? flat.length : flat.lastIndexOf(" ", start + SNIPPET);
  const stop = end > start ? end : start + SNIPPET;
  return (start > 0 ? "… " : "") + flat.slice(start, stop) + (stop < flat.length ? " …" : "");
}

/**
 * Cut a text where words of a query stand.
 *
 * @param {string} content
 * @param {string} query
 * @returns {{text: string, marked: boolean}[]}
 */
export function markedParts(content, query) {
  const pattern = patternOf(query);
  if (pattern === null) return [{ text: content, marked: false }];
  const parts = [];
  let at = 0;
  for (const each of content.matchAll(pattern)) {
    if (each.index > at) parts.push({ text: content.slice(at, each.index), marked: false });
    parts.push({ text: each[0], marked: true });
    at = each.index + each[0].length;
  }
  if (at < content.length) parts.push({ text: content.slice(at), marked: false });
  return parts;
}

/**
 * @param {Record<string, any>} meta A document's metadata.
 * @param {number} [most] How many fields to show.
 * @returns {[string, string][]} Fields with their values, the telling ones first.
 */
export function metadataOf(meta, most = 4) {
  const rank = (name) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  return Object.entries(meta ?? {})
    .filter(([name]) => !NEVER_SHOWN.test(name))
    .map(([name, value]) => [text(name), valueOf(value)])
    .filter(([, value]) => value !== "")
    .sort((a, b) => rank(a[0]) - rank(b[0]))
    .slice(0, most);
}

/** @returns {string} A value of metadata on one line; empty if it has no short form. */
function valueOf(value) {
  if (Array.isArray(value)) return cut(value.map(text).filter(Boolean).slice(0, 4).join(", "), 80);
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));
  return cut(text(value), 80);
}

function text(value) {
  if (typeof value === "string") return value.replace(INVISIBLE, "").trim();
  return typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

function cut(value, most) {
  const characters = [...value];
  return characters.length <= most ? value : characters.slice(0, most - 1).join("") + "…";
}

function patternOf(query) {
  const words = (query.match(/[\p{L}\p{N}]+/gu) ?? []).filter((word) => [...word].length > 1).slice(0, 20);
  if (words.length === 0) return null;
  const any = words.sort((a, b) => b.length - a.length).join("|");
  return new RegExp(`(?<![\\p{L}\\p{N}])(?:${any})(?:s|es|n|en)?(?![\\p{L}\\p{N}])`, "giu");
}
