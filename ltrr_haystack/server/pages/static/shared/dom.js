/** Elements that are made of text and a few safe attributes. Nothing is ever parsed as HTML. */

const ALLOWED = new Set([
  "class", "id", "type", "role", "for", "title", "value", "name", "placeholder", "autocomplete", "lang", "dir",
  "tabindex", "scope", "maxlength", "minlength", "spellcheck", "enterkeyhint", "open", "hidden", "disabled", "required",
  "viewBox", "preserveAspectRatio", "d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "points", "width", "height",
]);
const SVG = new Set(["svg", "path", "line", "circle", "polyline", "polygon", "g", "text", "rect"]);

/**
 * Make an element.
 *
 * @param {string} tag Its name; an SVG element where that is one of SVG's.
 * @param {Record<string, unknown>} [attributes] Attributes; functions are listeners (`onclick`), `false`, `null` and
 *   `undefined` are left out, `href` may only stay on this server.
 * @param {...(Node|string|number|null|undefined|false)} children Nodes and texts, in order.
 * @returns {HTMLElement & SVGElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = SVG.has(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (typeof value === "function" && name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "href") element.setAttribute("href", local(String(value)));
    else if (ALLOWED.has(name) || name.startsWith("aria-") || name.startsWith("data-")) {
      element.setAttribute(name, value === true ? "" : String(value));
    } else throw new TypeError(`the attribute '${name}' is not allowed`);
  }
  element.append(...children.flat().filter((child) => child || child === 0).map((child) => child instanceof Node ? child : String(child)));
  return element;
}

/**
 * Put nodes in the place of what an element has.
 *
 * @param {Element} parent The element.
 * @param {...(Node|string|null|undefined|false)} children The nodes.
 */
export function fill(parent, ...children) {
  parent.replaceChildren(...children.flat().filter(Boolean));
}

/**
 * Find an element of the page that has to be there.
 *
 * @param {string} id Its id.
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element '${id}'`);
  return found;
}

/**
 * Open a dialog that removes itself when it is closed, and gives the focus back.
 *
 * @param {string} title Its heading.
 * @param {Array<Node|string>} content What it shows.
 * @param {{side?: boolean, onclose?: () => void}} [options]
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, content, { side = false, onclose } = {}) {
  const before = document.activeElement;
  const dialog = h(
    "dialog",
    { class: side ? "side" : "", "aria-labelledby": "dialog-title" },
    h(
      "header",
      {},
      h("h2", { id: "dialog-title" }, title),
      h("button", { type: "button", class: "plain", onclick: () => dialog.close() }, "Close"),
    ),
    ...content,
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    onclose?.();
    if (before instanceof HTMLElement && before.isConnected) before.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

function local(address) {
  const url = new URL(address, location.href);
  if (url.origin !== location.origin) throw new TypeError("links may only stay on this server");
  return address;
}
