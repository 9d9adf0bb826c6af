/** The switcher of users. */

import { byId, element, fill } from "../shared/dom.js";
import { becomeNew, chooseUser, userId } from "./visitor.js";

const OTHER = "\u0001other";

/**
 * @param {string[]} users Ids to choose from.
 * @param {(text: string) => void} say
 * @param {() => void} changed Called whenever somebody else searches.
 */
export function mountWho(users, say, changed) {
  const place = byId("who");

  function become(id) {
    chooseUser(id);
    say(userId() === "" ? "You search as nobody in particular." : `You search as ${userId()}.`);
    draw();
    changed();
  }
  function draw(typing = false) {
    const now = userId();
    const known = now !== "" && !users.includes(now) ? [now, ...users] : users;
    const option = (value, text) => {
      const made = element("option", { value }, text);
      made.selected = typing ? value === OTHER : value === now;
      return made;
    };
    const select = element("select", { class: "field", id: "user" }, option("", "nobody in particular"), ...known.map((id) => option(id, id)), option(OTHER, "someone else …"));
    select.addEventListener("change", () => (select.value === OTHER ? draw(true) : become(select.value)));
    const input = typing && element("input", { class: "field", type: "text", "aria-label": "User id", maxlength: "256", placeholder: "user id", spellcheck: "false", autocomplete: "off" });
    if (input) {
      input.addEventListener("keydown", (event) => {
        if (event.key === "Enter") become(input.value);
        if (event.key === "Escape") draw();
      });
      input.addEventListener("change", () => become(input.value));
    }
    const fresh = element("button", { class: "button plain", type: "button" }, "New visitor");
    fresh.addEventListener("click", () => {
      becomeNew();
      say("You are a new visitor now.");
      draw();
      changed();
    });
    fill(place, element("label", { for: "user" }, "Searching as"), select, input, fresh);
    if (input) input.focus();
  }
  draw();
}
