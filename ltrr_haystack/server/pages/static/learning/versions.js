/** The versions of the models, and the way back to one of them. */

import { sendJson } from "../shared/api.js";
import { openDialog } from "../shared/dialog.js";
import { byId, element, fill } from "../shared/dom.js";
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
    const columns = ["model", "version", "made", "gate", ""].map((name) => element("th", { scope: "col" }, name));
    const rows = models.map((model) => element(
      "tr",
      {},
      element("td", {}, model.kind),
      element("td", {}, String(model.version)),
      element("td", {}, model.made),
      element("td", {}, model.gate || "–"),
      element("td", {}, model.active ? element("span", { class: "tag learned" }, "in use") : button(model, refresh)),
    ));
    const table = element("table", {}, element("thead", {}, element("tr", {}, ...columns)), element("tbody", {}, ...rows));
    fill(
      section,
      element("h2", {}, "Which version is in use?"),
      element("p", { class: "lead" }, "The newest versions of each model. Another one can be put in use at once."),
      models.length
        ? element("div", { class: "table", tabindex: "0", role: "group", "aria-label": "Model versions" }, table)
        : element("p", {}, "No model has been made yet."),
    );
    section.hidden = false;
  });
}

function button(model, refresh) {
  const label = `Use ${model.kind} ${model.version}`;
  return element("button", { class: "button", type: "button", on: { click: () => confirm(model, refresh) } }, label);
}

function confirm(model, refresh) {
  const name = `${model.kind} ${model.version}`;
  const said = element("p", { class: "notice bad", role: "alert", hidden: true });
  const sure = element("button", { type: "button", class: "button primary" }, `Use ${name}`);
  const dialog = openDialog({
    title: `Use ${name}?`,
    body: [
      element("p", {}, `${name}, made ${model.made}, takes the place of the one that is in use. ${EFFECT[model.kind] ?? ""}`),
      element("p", { class: "muted" }, "No version is deleted: you can come back in the same way."),
      said,
      element("div", { class: "row" }, sure),
    ],
  });
  sure.addEventListener("click", async () => {
    sure.disabled = true;
    try {
      const wanted = { kind: model.kind, version: model.version };
      await sendJson("/learning/activate", wanted);
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
