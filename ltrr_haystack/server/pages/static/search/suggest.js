/** Suggestions below the search box: a combobox with a list. */

import { getJson } from "../shared/api.js";
import { element, fill } from "../shared/dom.js";

const WAIT = 120;

/**
 * Let a text field suggest queries.
 *
 * @param {HTMLInputElement} input The combobox.
 * @param {HTMLElement} list Its listbox.
 * @param {(query: string) => void} choose Called with a suggestion that was chosen.
 * @returns {{close: () => void}}
 */
export function mountSuggestions(input, list, choose) {
  let shown = [];
  let active = -1;
  let typed = "";
  let timer = 0;
  let asking = null;

  function close() {
    clearTimeout(timer);
    asking?.abort();
    shown = [];
    active = -1;
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function show(suggestions) {
    if (suggestions.length === 0 || document.activeElement !== input) return close();
    shown = suggestions;
    active = -1;
    fill(list, ...suggestions.map((text, index) => {
      const option = element("li", { id: `suggestion-${index}`, role: "option", "aria-selected": "false" }, text);
      option.addEventListener("pointerdown", (event) => event.preventDefault());
      option.addEventListener("click", () => take(text));
      return option;
    }));
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    input.removeAttribute("aria-activedescendant");
    return undefined;
  }

  function take(text) {
    input.value = text;
    close();
    choose(text);
  }

  function move(step) {
    active = (active + 1 + step + shown.length + 1) % (shown.length + 1) - 1;
    [...list.children].forEach((each, index) => each.setAttribute("aria-selected", String(index === active)));
    input.value = active < 0 ? typed : shown[active];
    if (active < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", `suggestion-${active}`);
      list.children[active].scrollIntoView({ block: "nearest" });
    }
  }

  async function ask() {
    asking?.abort();
    asking = new AbortController();
    const { signal } = asking;
    const suggestions = await suggestionsFor(typed, signal);
    if (!signal.aborted) show(suggestions);
  }

  input.addEventListener("input", () => {
    typed = input.value;
    clearTimeout(timer);
    if (typed.trim() === "") close();
    else timer = setTimeout(ask, WAIT);
  });
  input.addEventListener("keydown", (event) => {
    if (list.hidden || event.isComposing) {
      if (event.key === "ArrowDown" && input.value.trim() !== "") {
        event.preventDefault();
        typed = input.value;
        ask();
      }
      return;
    }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Escape") {
      event.preventDefault();
      input.value = typed;
      close();
    }
  });
  input.addEventListener("blur", close);
  return { close };
}

/**
 * @param {string} query What was typed so far.
 * @param {AbortSignal} [signal]
 * @returns {Promise<string[]>} Queries to choose from; none where the server has none to give.
 */
export async function suggestionsFor(query, signal) {
  try {
    const answer = await getJson(`/search/suggestions?query=${encodeURIComponent(query.slice(0, 200))}`, { signal });
    return (answer?.suggestions ?? []).filter((each) => typeof each === "string").slice(0, 8);
  } catch {
    return [];
  }
}
