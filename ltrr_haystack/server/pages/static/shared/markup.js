/** Puts markup in place that the server has made and escaped. */

/**
 * Put markup in the place of what an element holds. Open details stay open, and the focus stays where it was.
 *
 * Scripts in what is parsed never run, and the page's policy allows none either.
 *
 * @param {Element} place The element.
 * @param {string} markup The markup.
 */
export function replaceMarkup(place, markup) {
  const parsed = new DOMParser().parseFromString(markup, "text/html");
  const before = [...place.querySelectorAll("details")].map((details) => details.open);
  const focusable = "summary, [tabindex]";
  const focused = [...place.querySelectorAll(focusable)].indexOf(document.activeElement);
  place.replaceChildren(...parsed.body.childNodes);
  const after = place.querySelectorAll("details");
  if (after.length === before.length) after.forEach((details, at) => { details.open = before[at]; });
  if (focused >= 0) place.querySelectorAll(focusable)[focused]?.focus({ preventScroll: true });
}
