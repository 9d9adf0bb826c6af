/** Dialogs, at the side or in the middle of the page: one at a time, gone once it is closed. */

import { element } from "./dom.js";

/**
 * Open a dialog. The focus returns to where it was when it is closed.
 *
 * @param {{title: string, line?: string, body: (Node|false|null)[], kind?: "dialog"|"drawer", closed?: () => void}} content
 *   `kind` is where it stands: in the middle, or as a drawer at the side.
 * @returns {HTMLDialogElement}
 */
export function openDialog({ title, line = "", body, kind = "dialog", closed = () => {} }) {
  const before = document.activeElement;
  const dialog = element(
    "dialog",
    { class: kind, id: "dialog", "aria-labelledby": "dialog-title" },
    element(
      "div",
      { class: "dialog-head" },
      element("div", {}, element("h2", { id: "dialog-title" }, title), line && element("p", {}, line)),
      element("button", { class: "button", type: "button", on: { click: () => dialog.close() } }, "Close"),
    ),
    element("div", { class: "dialog-body" }, body),
  );
  // What is outside of an open dialog is not read out.
  const speaking = document.querySelectorAll("[data-speaks]");
  dialog.append(...speaking);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    document.body.append(...speaking);
    dialog.remove();
    closed();
    if (before instanceof HTMLElement && before.isConnected) before.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Close the dialog if one is open. */
export function closeDialog() {
  const dialog = document.getElementById("dialog");
  if (dialog instanceof HTMLDialogElement) dialog.close();
}
