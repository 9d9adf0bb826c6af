/** A dialog in the middle of the page. */

import { element } from "./dom.js";

/**
 * Open a dialog, which is gone once it is closed; the focus returns to where it was.
 *
 * @param {string} title Its heading.
 * @param {...(Node|string|null|undefined|false)} content What it shows.
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, ...content) {
  const before = document.activeElement;
  const dialog = element(
    "dialog",
    { class: "dialog", "aria-labelledby": "dialog-title" },
    element(
      "div",
      { class: "drawer-head" },
      element("h2", { id: "dialog-title" }, title),
      element("button", { class: "button", type: "button", on: { click: () => dialog.close() } }, "Close"),
    ),
    element("div", { class: "stack drawer-body" }, ...content),
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (before instanceof HTMLElement && before.isConnected) before.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
