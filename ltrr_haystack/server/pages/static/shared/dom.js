/** Builds elements from data that may be hostile: texts become text, and attributes come from a fixed list. */

const ATTRIBUTES = new Set([
  "class", "id", "type", "role", "for", "name", "value", "placeholder", "title", "hidden", "disabled", "tabindex", "lang",
  "dir", "scope", "colspan", "datetime", "open", "autocomplete", "spellcheck", "maxlength", "max", "min", "checked",
]);
const SAFE_LINK = /^(\.\/|#|\?)/;

/**
 * Make an element. There is no way to hand in markup, scripts, styles or links to other sites.
 *
 * @param {string} name Its tag, written in our own code.
 * @param {Record<string, any>} [properties] Attributes of the list, `aria-…` and `data-…`; `on` → event to listener;
 *   `href` within this site: it begins with `./`, `?` or `#`. `true` sets an empty attribute; `false`, `null` and `undefined` set none.
 * @param {...(Node|string|number|null|undefined|false|Array)} children Nodes, or texts that stay texts; also in lists.
 * @returns {HTMLElement}
 */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === false || value === null || value === undefined) continue;
    if (key === "on") {
      for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    } else if (key === "href") {
      if (!SAFE_LINK.test(value)) throw new Error(`links lead to this site alone, not to ${value}`);
      made.setAttribute("href", value);
    } else if (ATTRIBUTES.has(key) || key.startsWith("aria-") || key.startsWith("data-")) {
      made.setAttribute(key, value === true ? "" : String(value));
    } else {
      throw new Error(`attribute ${key} is not among those that may be set`);
    }
  }
  made.append(...children.flat().filter((each) => each !== null && each !== undefined && each !== false).map(asNode));
  return made;
}

/**
 * Put nodes or texts in the place of what a parent holds.
 *
 * @param {Element} parent
 * @param {...(Node|string|number|null|undefined|false)} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren(
    ...children.flat().filter((each) => each !== null && each !== undefined && each !== false).map(asNode),
  );
}

/**
 * The element of the page with an id that our own HTML has.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no element with the id ${id}`);
  return found;
}

function asNode(each) {
  return each instanceof Node ? each : document.createTextNode(String(each));
}
