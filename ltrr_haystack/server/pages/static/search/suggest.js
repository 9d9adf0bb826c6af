/** Suggestions below the search box: a combobox with a list (WAI-ARIA Authoring Practices). */

import { call } from "../shared/api.js";
import { fill, h } from "../shared/dom.js";

const PAUSE = 120;

/**
 * Ask for suggestions.
 *
 * @param {string} query What was typed; empty for the most frequent ones.
 * @param {AbortSignal} [signal] Takes the question back.
 * @returns {Promise<string[]>} None if there are none, or the server does not say.
 */
export async function suggestionsFor(query, signal) {
  try {
    const answer = await call("GET", `/search/suggestions?query=${encodeURIComponent(query)}`, undefined, { signal });
    return answer?.suggestions?.filter((each) => typeof each === "string") ?? [];
  } catch {
    return [];
  }
}

/**
 * Show suggestions while somebody types.
 *
 * @param {HTMLInputElement} input The search box.
 * @param {HTMLElement} list The list below it.
 * @param {(query: string) => void} choose Called with the suggestion that was chosen.
 * @returns {{close: () => void}}
 */
export function mountSuggestions(input, list, choose) {
  let timer = 0;
  let asking = new AbortController();
  let at = -1;

  const options = () => [...list.children];
  const close = () => {
    clearTimeout(timer);
    asking.abort();
    list.hidden = true;
    at = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const move = (to) => {
    at = to;
    options().forEach((option, place) => option.setAttribute("aria-selected", String(place === at)));
    if (at >= 0) {
      input.setAttribute("aria-activedescendant", options()[at].id);
      options()[at].scrollIntoView({ block: "nearest" });
    } else input.removeAttribute("aria-activedescendant");
  };
  const show = async () => {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    const typed = input.value.trim();
    const found = typed ? await suggestionsFor(typed, signal) : [];
    if (signal.aborted) return;
    fill(list, ...found.map((text, place) => h(
      "li",
      { id: `suggestion-${place}`, role: "option", "aria-selected": "false", onmousedown: (event) => event.preventDefault(), onclick: () => take(text) },
      text,
    )));
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", String(found.length > 0));
    move(-1);
  };
  const take = (text) => {
    close();
    choose(text);
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(show, PAUSE);
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      close();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !list.hidden) {
      event.preventDefault();
      const count = options().length;
      move(event.key === "ArrowDown" ? (at + 1) % count : (at <= 0 ? count : at) - 1);
    } else if (event.key === "ArrowDown" && list.hidden) show();
    else if (event.key === "Enter" && at >= 0) {
      event.preventDefault();
      take(options()[at].textContent ?? "");
    }
  });
  return { close };
}
