/** Draws a click rate over time beside the baseline's, with its figures in a table. */

import { h } from "../shared/dom.js";

const WIDTH = 640;
const HEIGHT = 220;
const LEFT = 44;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 30;

/**
 * Draw the curve.
 *
 * @param {Array<{searches: number, click_rate: number, low: number, high: number}>} points The live click rate; the
 *   searches up to each point, in order.
 * @param {{searches: number, click_rate: number, low: number, high: number}|null} baseline The baseline's.
 * @returns {HTMLElement} A figure.
 */
export function curve(points, baseline) {
  const last = points[points.length - 1];
  const across = (searches) => LEFT + (searches / last.searches) * (WIDTH - LEFT - RIGHT);
  const up = (rate) => TOP + (1 - rate) * (HEIGHT - TOP - BOTTOM);
  const line = points.map((point) => `${across(point.searches)},${up(point.click_rate)}`).join(" ");
  const upper = points.map((point) => `${across(point.searches)},${up(point.high)}`);
  const lower = points.map((point) => `${across(point.searches)},${up(point.low)}`).reverse();
  const end = baseline ? ` The baseline's is ${percent(baseline.click_rate)}.` : "";
  return h(
    "figure",
    { class: "tour-curve" },
    h(
      "svg",
      {
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        role: "img",
        "aria-label": `Click rate over ${last.searches} searches: from ${percent(points[0].click_rate)} to `
          + `${percent(last.click_rate)}.${end}`,
      },
      [0, 0.25, 0.5, 0.75, 1].map((rate) => h(
        "g",
        {},
        h("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: up(rate), y2: up(rate) }),
        h("text", { class: "down", x: LEFT - 6, y: up(rate) + 4 }, percent(rate)),
      )),
      baseline && h("rect", {
        class: "baseline-band", x: LEFT, width: WIDTH - LEFT - RIGHT, y: up(baseline.high),
        height: up(baseline.low) - up(baseline.high),
      }),
      h("polygon", { class: "live-band", points: [...upper, ...lower].join(" ") }),
      baseline && h("line", {
        class: "baseline", x1: LEFT, x2: WIDTH - RIGHT, y1: up(baseline.click_rate), y2: up(baseline.click_rate),
      }),
      h("polyline", { class: "live", points: line }),
      points.map((point) => h("circle", { class: "live-point", cx: across(point.searches), cy: up(point.click_rate), r: 3.5 })),
      h("text", { class: "across", x: WIDTH - RIGHT, y: HEIGHT - 8 }, `${last.searches} searches`),
    ),
    h(
      "figcaption",
      { class: "small dim" },
      h("span", { class: "tour-key live" }, "searches with a click"),
      baseline && h("span", { class: "tour-key baseline" }, "the baseline's, for a quarter of the same searches"),
      " Shaded: 95 % intervals.",
    ),
    h("details", { class: "small" }, h("summary", {}, "Figures"), h("div", { class: "scroll" }, table(points, baseline))),
  );
}

function table(points, baseline) {
  const row = (name, rate) => h(
    "tr",
    {},
    h("th", { scope: "row" }, name),
    h("td", { class: "number" }, percent(rate.click_rate)),
    h("td", { class: "number" }, `${percent(rate.low)} to ${percent(rate.high)}`),
  );
  return h(
    "table",
    {},
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col" }, "Searches"),
        h("th", { scope: "col", class: "number" }, "Click rate"),
        h("th", { scope: "col", class: "number" }, "95 % interval"),
      ),
    ),
    h(
      "tbody",
      {},
      points.map((point, at) => row(`${at ? points[at - 1].searches + 1 : 1} to ${point.searches}`, point)),
      baseline && row(`${baseline.searches} with the baseline`, baseline),
    ),
  );
}

function percent(share) {
  return `${Math.round(share * 100)} %`;
}
