/** The details of a document, and how long they are read. */

import { openDialog } from "../shared/dialog.js";
import { element } from "../shared/dom.js";
import { contentOf, metadataOf, titleOf, typeOf } from "./documents.js";
import { makeEvent, sendQuietly } from "./events.js";

/**
 * Open a document, and measure how long it is looked at: while it is open and the page is visible.
 *
 * @param {any} found The document of the answer.
 * @param {number} ordinal Its place on the page, from 1.
 * @param {{query_id: string, query: string, who: Record<string, string>, logged: boolean}} search The search that showed it.
 */
export function openDocument(found, ordinal, search) {
  let since = document.hidden ? null : performance.now();
  let seconds = 0;
  let over = false;

  function pause() {
    if (since !== null) seconds += (performance.now() - since) / 1000;
    since = null;
  }
  function seen() {
    pause();
    if (!document.hidden) since = performance.now();
  }
  function end() {
    if (over) return;
    over = true;
    pause();
    document.removeEventListener("visibilitychange", seen);
    window.removeEventListener("pagehide", end);
    if (!search.logged) return;
    const dwell = Math.round(seconds * 10) / 10;
    sendQuietly([makeEvent("dwell", search, { id: found.id, ordinal }, { dwell_seconds: dwell })]);
  }
  document.addEventListener("visibilitychange", seen);
  window.addEventListener("pagehide", end);
  const rows = metadataOf(found.meta, 20);
  openDialog({
    kind: "drawer",
    title: titleOf(found),
    line: typeOf(found),
    body: [
      element("p", { class: "full-text" }, contentOf(found) || "This document has no text."),
      rows.length > 0 &&
        element("section", {}, element("h3", {}, "What is known of it"), element("dl", { class: "facts" }, ...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]))),
    ],
    closed: end,
  });
}
