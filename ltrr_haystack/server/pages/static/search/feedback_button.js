/** A button that sends one event: it says when it counts, and can be pressed again if it failed. */

import { element } from "../shared/dom.js";
import { sendEvents } from "./events.js";

/**
 * @param {{label: string, done: string, isDone: boolean, about: string, make: () => any, say: (text: string) => void, after?: () => void}} how
 *   `isDone` says that it was sent before; `make` makes the event; it is made once and sent as often as needed.
 * @returns {HTMLElement}
 */
export function feedbackButton({ label, done, isDone, about, make, say, after = () => {} }) {
  const shown = isDone ? done : label;
  const button = element("button", { class: "button", type: "button", "aria-label": `${shown}: ${about}`, "aria-pressed": String(isDone) }, shown);
  let event = null;
  let state = isDone ? "done" : "ready";
  button.addEventListener("click", async () => {
    if (state === "sending" || state === "done") return;
    state = "sending";
    event ??= make();
    button.setAttribute("aria-busy", "true");
    try {
      const [outcome] = await sendEvents([event]);
      if (outcome.status === "rejected") throw new Error(outcome.reason ?? "it was rejected");
      state = "done";
      button.classList.remove("failed");
      button.setAttribute("aria-pressed", "true");
      button.setAttribute("aria-label", `${done}: ${about}`);
      button.textContent = done;
      say(`${done}: feedback ${outcome.status}.`);
      after();
    } catch (error) {
      state = "ready";
      button.classList.add("failed");
      button.textContent = `${label}: try again`;
      button.setAttribute("aria-label", `${label} failed, try again: ${about}`);
      say(`${label} was not taken: ${error.message}.`);
    } finally {
      button.removeAttribute("aria-busy");
    }
  });
  return button;
}
