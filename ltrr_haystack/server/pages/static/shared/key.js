/** Asks for an API key where the server wants one. It is kept for this tab alone, and sent in a header only. */

import { ApiError, storeKey, storedKey } from "./api.js";
import { h, openDialog } from "./dom.js";

/**
 * Call the server, and ask for an API key if it wants one or another one.
 *
 * @param {string} scopes The scopes that the key needs, in words.
 * @param {() => Promise<any>} attempt The call; it is tried again with each key that is given.
 * @returns {Promise<any>} What the call returned.
 * @throws {ApiError} If the call fails otherwise, or no key is given.
 */
export async function withKey(scopes, attempt) {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const wantsKey = error instanceof ApiError && (error.status === 401 || (error.status === 403 && storedKey()));
      if (!wantsKey || !(await askForKey(scopes, storedKey() ? error.message : ""))) throw error;
    }
  }
}

/**
 * Ask for an API key.
 *
 * @param {string} scopes The scopes that it needs, in words.
 * @param {string} [wrong] What is wrong with the one that was given before.
 * @returns {Promise<boolean>} Whether one was given.
 */
export function askForKey(scopes, wrong = "") {
  return new Promise((resolve) => {
    let given = false;
    const input = h("input", {
      id: "api-key", name: "api-key", type: "password", autocomplete: "off", spellcheck: "false", required: true,
      "aria-describedby": "api-key-help",
    });
    const take = (event) => {
      event.preventDefault();
      storeKey(input.value.trim());
      given = Boolean(input.value.trim());
      document.dispatchEvent(new Event("ltrr-key"));
      dialog.close();
    };
    const dialog = openDialog(
      "API key",
      [
        wrong ? h("p", { class: "notice bad", role: "alert" }, wrong) : "",
        h(
          "form",
          { class: "stack", onsubmit: take },
          h("label", { for: "api-key" }, "This server wants an API key."),
          input,
          h(
            "p",
            { id: "api-key-help", class: "small dim" },
            `It needs ${scopes}. The key stays in this tab and is forgotten when you close it. Whoever runs the server `
              + "makes one with 'ltrr keys add NAME --scope …'.",
          ),
          h("div", { class: "row" }, h("button", { type: "submit", class: "primary" }, "Use this key")),
        ),
      ],
      { onclose: () => resolve(given) },
    );
    input.focus();
  });
}

/**
 * Show a button that forgets the key, as long as there is one.
 *
 * @param {HTMLButtonElement} button The button.
 */
export function mountForget(button) {
  const show = () => {
    button.hidden = !storedKey();
  };
  button.addEventListener("click", () => {
    storeKey(null);
    document.dispatchEvent(new Event("ltrr-key"));
  });
  document.addEventListener("ltrr-key", show);
  show();
}

