/** The versions of the models, and the way back to one of them. */

import { call } from "../shared/api.js";
import { byId, fill, h, openDialog } from "../shared/dom.js";
import { withKey } from "../shared/key.js";
import { ifChanged } from "./view.js";

const EFFECT = {
  policy: "From the next searches on, it chooses which arms run. What is learned from then on goes on from this version.",
  ranker: "From the next searches on, it orders the pages.",
  page: "From the next searches on, its examination curve and click rates are used.",
};

/**
 * Show the versions with their gates.
 *
 * @param {Array<{kind: string, version: number, active: boolean, made: string, gate: string}>} models
 * @param {() => void} refresh Is called when another version is in use.
 */
export function showVersions(models, refresh) {
  ifChanged("versions", models, () => {
    const section = byId("versions");
    const columns = ["model", "version", "made", "gate", ""].map((name) => h("th", { scope: "col" }, name));
    const rows = models.map((model) => h(
      "tr",
      {},
      h("td", {}, model.kind),
      h("td", {}, String(model.version)),
      h("td", {}, model.made),
      h("td", {}, model.gate || "–"),
      h("td", {}, model.active ? h("span", { class: "tag accent" }, "in use") : button(model, refresh)),
    ));
    const table = h("table", {}, h("thead", {}, h("tr", {}, ...columns)), h("tbody", {}, ...rows));
    fill(
      section,
      h("h2", {}, "Which version is in use?"),
      h("p", { class: "lead" }, "The newest versions of each model. Another one can be put in use at once."),
      models.length
        ? h("div", { class: "table", tabindex: "0", role: "group", "aria-label": "Model versions" }, table)
        : h("p", {}, "No model has been made yet."),
    );
    section.hidden = false;
  });
}

function button(model, refresh) {
  const label = `Use ${model.kind} ${model.version}`;
  return h("button", { type: "button", onclick: () => confirm(model, refresh) }, label);
}

function confirm(model, refresh) {
  const name = `${model.kind} ${model.version}`;
  const said = h("p", { class: "notice bad", role: "alert", hidden: true });
  const sure = h("button", { type: "button", class: "primary" }, `Use ${name}`);
  const dialog = openDialog(`Use ${name}?`, [
    h("p", {}, `${name}, made ${model.made}, takes the place of the one that is in use. ${EFFECT[model.kind] ?? ""}`),
    h("p", { class: "dim" }, "No version is deleted: you can come back in the same way."),
    said,
    h("div", { class: "row" }, sure),
  ]);
  sure.addEventListener("click", async () => {
    sure.disabled = true;
    try {
      const wanted = { kind: model.kind, version: model.version };
      await withKey("the scope 'admin'", () => call("POST", "/learning/activate", wanted));
      dialog.close();
      refresh();
    } catch (error) {
      said.textContent = error.message;
      said.hidden = false;
      sure.disabled = false;
    }
  });
  sure.focus();
}
