/** Puts the dashboard's data in place; what did not change is left alone, so that focus and open details survive. */

import { byId, element, fill } from "../shared/dom.js";
import { replaceMarkup } from "../shared/markup.js";

/** @typedef {{name: string, value: string, text: string, figure: number|null}} Tile */
/** @typedef {{key: string, title: string, markup: string}} Section */

const shown = new Map();

/**
 * Show a part of the page if it is another one than before.
 *
 * @param {string} key What the part is called.
 * @param {unknown} data What it is made from.
 * @param {() => void} draw Puts it in place.
 */
export function ifChanged(key, data, draw) {
  const text = JSON.stringify(data);
  if (shown.get(key) === text) return;
  shown.set(key, text);
  draw();
}

/**
 * Show the verdict, how far the policy is let loose, and what to do next.
 *
 * @param {{verdict: string, safe_start: string, following: string}} data
 */
export function showVerdict(data) {
  const { verdict, safe_start: safeStart, following } = data;
  const box = byId("verdict");
  ifChanged("verdict", [verdict, safeStart, following], () => {
    fill(
      box,
      element("p", { class: "said" }, verdict),
      element("p", {}, safeStart),
      element("p", {}, element("b", {}, "What to do next: "), following),
    );
    box.hidden = false;
  });
}

/** @param {Tile[]} tiles The figures to be seen first. */
export function showTiles(tiles) {
  const cards = tiles.map((tile) =>
    element("div", { class: "tile" }, element("span", {}, tile.name), element("b", {}, tile.value), element("small", {}, tile.text)));
  ifChanged("tiles", tiles, () => fill(byId("tiles"), ...cards));
}

/** @param {Section[]} sections The sections, whose markup the server has escaped. */
export function showSections(sections) {
  const parent = byId("sections");
  for (const [place, section] of sections.entries()) {
    let holder = document.getElementById(`section-${section.key}`);
    if (!holder) {
      const open = place < 2 || matchMedia("(min-width: 641px)").matches;
      const body = element("div", { class: "body" });
      const details = element("details", { class: "fold", open }, element("summary", {}, element("h2", {}, section.title)), body);
      holder = element("section", { id: `section-${section.key}` }, details);
      parent.append(holder);
    }
    const body = holder.querySelector(".body");
    ifChanged(section.key, section.markup, () => replaceMarkup(body, section.markup));
  }
  const keys = new Set(sections.map((section) => `section-${section.key}`));
  for (const holder of [...parent.children]) {
    if (keys.has(holder.id)) continue;
    shown.delete(holder.id.replace("section-", ""));
    holder.remove();
  }
}
