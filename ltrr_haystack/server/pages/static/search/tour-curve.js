/** Draws a click rate over time beside the baseline's, with its figures in a table. */

import { element } from "../shared/dom.js";

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
  return element(
    "figure",
    { class: "tour-curve" },
    element(
      "svg",
      {
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        role: "img",
        "aria-label": `Click rate over ${last.searches} searches: from ${percent(points[0].click_rate)} to `
          + `${percent(last.click_rate)}.${end}`,
      },
      [0, 0.25, 0.5, 0.75, 1].map((rate) => element(
        "g",
        {},
        element("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: up(rate), y2: up(rate) }),
        element("text", { class: "down", x: LEFT - 6, y: up(rate) + 4 }, percent(rate)),
      )),
      baseline && element("rect", {
        class: "baseline-band", x: LEFT, width: WIDTH - LEFT - RIGHT, y: up(baseline.high),
        height: up(baseline.low) - up(baseline.high),
      }),
      element("polygon", { class: "live-band", points: [...upper, ...lower].join(" ") }),
      baseline && element("line", {
        class: "baseline", x1: LEFT, x2: WIDTH - RIGHT, y1: up(baseline.click_rate), y2: up(baseline.click_rate),
      }),
      element("polyline", { class: "live", points: line }),
      points.map((point) => element("circle", { class: "live-point", cx: across(point.searches), cy: up(point.click_rate), r: 3.5 })),
      element("text", { class: "across", x: WIDTH - RIGHT, y: HEIGHT - 8 }, `${last.searches} searches`),
    ),
    element(
      "figcaption",
      { class: "muted small" },
      element("span", { class: "tour-key live" }, "searches with a click"),
      baseline && element("span", { class: "tour-key baseline" }, "the baseline's, for a quarter of the same searches"),
      " Shaded: 95 % intervals.",
    ),
    element("details", { class: "small" }, element("summary", {}, "Figures"), element("div", { class: "scroll" }, table(points, baseline))),
  );
}

function table(points, baseline) {
  const row = (name, rate) => element(
    "tr",
    {},
    element("th", { scope: "row" }, name),
    element("td", { class: "number" }, percent(rate.click_rate)),
    element("td", { class: "number" }, `${percent(rate.low)} to ${percent(rate.high)}`),
  );
  return element(
    "table",
    { class: "table" },
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        element("th", { scope: "col" }, "Searches"),
        element("th", { scope: "col", class: "number" }, "Click rate"),
        element("th", { scope: "col", class: "number" }, "95 % interval"),
      ),
    ),
    element(
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
