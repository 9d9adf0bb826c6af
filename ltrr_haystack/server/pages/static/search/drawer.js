/** The drawer at the side: one dialog for what is shown of a single document. */

import { byId, element, fill } from "../shared/dom.js";

/**
 * Open the drawer. The focus returns to where it was when it is closed.
 *
 * @param {{title: string, line?: string, body: (Node|false|null)[], closed?: () => void}} content
 */
export function openDrawer({ title, line = "", body, closed = () => {} }) {
  const drawer = /** @type {HTMLDialogElement} */ (byId("drawer"));
  const before = document.activeElement;
  fill(
    drawer,
    element(
      "div",
      { class: "drawer-head" },
      element("div", {}, element("h2", { id: "drawer-title" }, title), line && element("p", {}, line)),
      element("button", { class: "button", type: "button", on: { click: () => drawer.close() } }, "Close"),
    ),
    element("div", { class: "drawer-body" }, ...body),
    // What is outside of an open dialog is not read out.
    byId("live"),
    byId("toast"),
  );
  drawer.onclick = (event) => event.target === drawer && drawer.close();
  drawer.onclose = () => {
    document.body.append(byId("live"), byId("toast"));
    closed();
    fill(drawer);
    if (before instanceof HTMLElement && before.isConnected) before.focus();
  };
  drawer.showModal();
  drawer.scrollTop = 0;
}

/** Close the drawer if it is open. */
export function closeDrawer() {
  const drawer = /** @type {HTMLDialogElement} */ (byId("drawer"));
  if (drawer.open) drawer.close();
}
