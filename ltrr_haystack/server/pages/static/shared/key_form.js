/** Asks for the API key where the server wants one. */

import { byId, element, fill } from "./dom.js";
import { apiKey, forgetKey, keepKey, onKey } from "./key.js";

/**
 * The page has a place for the form, `key-place`, and a button `forget`.
 *
 * @param {string} scopes The scopes that the key needs, in words.
 * @param {() => void} given Called once a key was entered.
 * @returns {{ask: (why?: string) => void}}
 */
export function mountKeyForm(scopes, given) {
  const place = byId("key-place");
  const forget = byId("forget");

  function ask(why = "") {
    const input = element("input", { class: "field", id: "key", type: "password", autocomplete: "off", spellcheck: "false" });
    const form = element("form", {}, input, element("button", { class: "button primary", type: "submit" }, "Use key"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (input.value.trim() === "") return;
      keepKey(input.value);
      fill(place);
      given();
    });
    fill(place, element(
      "section",
      { class: "card key", "aria-label": "API key" },
      element("label", { for: "key" }, element("strong", {}, "This server needs an API key")),
      element("p", { class: "muted small" }, `With ${scopes}. It is kept in this tab only, until you close it or forget the key.`),
      why && element("p", { class: "small", role: "alert" }, why),
      form,
    ));
    input.focus();
  }
  const show = () => { forget.hidden = apiKey() === null; };
  forget.addEventListener("click", () => {
    forgetKey();
    ask();
  });
  onKey(show);
  show();
  return { ask };
}
