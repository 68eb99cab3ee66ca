/** Elements, made and brought up to date. Text is always text: nothing that a router says is taken as markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @typedef {string | number | boolean | null | undefined} Value
 * @typedef {Readonly<Record<string, Value | ((event: any) => void)>>} Attributes Functions are listeners, `class` … attributes.
 */

/**
 * The element of the page with that id.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found;
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} attributes
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function html(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  set(element, attributes);
  element.append(...children);
  return element;
}

/**
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} attributes
 * @param {...(Node | string)} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = /** @type {SVGElementTagNameMap[Tag]} */ (document.createElementNS(SVG, tag));
  set(element, attributes);
  element.append(...children);
  return element;
}

/**
 * Only what differs is written, so that nothing is drawn anew for nothing.
 * @param {Element} element
 * @param {Attributes} attributes null, undefined and false take one away.
 */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === null || value === undefined || value === false) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
  }
}

/**
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Makes the children of `parent` those of `items`, keeping the elements of those that stay.
 * @template T
 * @template {Element} E
 * @param {Element} parent
 * @param {ReadonlyMap<string, T>} items by what tells them apart.
 * @param {(item: T, key: string) => E} create
 * @param {(element: E, item: T, key: string) => void} update
 */
export function keyed(parent, items, create, update) {
  /** @type {Map<string, E>} */
  const there = new Map();
  for (const child of [...parent.children]) {
    const key = child.getAttribute("data-key") ?? "";
    if (items.has(key)) there.set(key, /** @type {E} */ (child));
    else child.remove();
  }
  /** @type {Element | null} */
  let before = null;
  for (const [key, item] of items) {
    const element = there.get(key) ?? create(item, key);
    set(element, { "data-key": key });
    update(element, item, key);
    /** @type {Element | null} */
    const next = before === null ? parent.firstElementChild : before.nextElementSibling;
    if (next !== element) parent.insertBefore(element, next);
    before = element;
  }
}
