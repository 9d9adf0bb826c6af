/** The switcher of users. */

import { byId, element, fill } from "../shared/dom.js";
import { becomeNew, chooseUser, userId } from "./visitor.js";

const OTHER = "\u0001other";

/**
 * @param {string[]} users Ids to choose from.
 * @param {(text: string) => void} say
 * @param {() => void} changed Called whenever somebody else searches.
 */
export function mountUserSwitcher(users, say, changed) {
  const place = byId("who");

  function become(id) {
    if (id.trim() === userId()) return draw();
    chooseUser(id);
    say(userId() === "" ? "You search as anybody." : `You search as ${userId()}.`);
    draw();
    return changed();
  }
  function draw(typing = false) {
    const now = userId();
    const known = now !== "" && !users.includes(now) ? [now, ...users] : users;
    const option = (value, text) => {
      const made = element("option", { value }, text);
      made.selected = typing ? value === OTHER : value === now;
      return made;
    };
    const select = element("select", { class: "field", id: "user" }, option("", "anybody"), ...known.map((id) => option(id, id)), option(OTHER, "someone else …"));
    select.addEventListener("change", () => (select.value === OTHER ? draw(true) : become(select.value)));
    const input = typing && element("input", { class: "field", type: "text", "aria-label": "User id", maxlength: "256", placeholder: "user id", spellcheck: "false", autocomplete: "off" });
    if (input) {
      let over = false;
      const end = (how) => {
        if (over) return;
        over = true;
        how();
      };
      input.addEventListener("keydown", (event) => {
        if (event.key === "Enter") end(() => become(input.value));
        if (event.key === "Escape") end(draw);
      });
      input.addEventListener("change", () => end(() => become(input.value)));
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
