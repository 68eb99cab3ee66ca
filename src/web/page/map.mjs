/** The map: a plan of where things are, the layers drawn by it, and how keys and clicks go about in it. */

import { drawHome, drawTunnels } from "./arcs-layer.mjs";
import { chipsOf, placed, roomFor } from "./chips.mjs";
import { svg } from "./dom.mjs";
import { nearest } from "./geometry.mjs";
import { planFor } from "./layout.mjs";
import { drawLinks } from "./links-layer.mjs";
import { drawAreas, drawNodes } from "./nodes-layer.mjs";
import { ViewBox } from "./view-box.mjs";
import { drawChips } from "./vms-layer.mjs";

/**
 * @typedef {import("./scene.mjs").View} View
 * @typedef {import("./scene.mjs").Selection} Selection
 * @typedef {import("./geometry.mjs").Point} Point
 * @typedef {import("./layout.mjs").Plan} Plan
 */

const DIRECTIONS = new Map([
  ["ArrowLeft", { x: -1, y: 0 }],
  ["ArrowRight", { x: 1, y: 0 }],
  ["ArrowUp", { x: 0, y: -1 }],
  ["ArrowDown", { x: 0, y: 1 }],
]);
/** On a screen that is as narrow the map may be longer than what is seen at once. */
const NARROW = 700;
/** So many times as long as it is wide. */
const LONGEST = 2.8;
const LAYERS = ["areas", "links", "nodes", "tunnels", "vms", "home"];

export class FabricMap {
  #svg;
  #frame;
  #select;
  /** @type {Map<string, SVGGElement>} */
  #layers;
  #viewBox;
  /** @type {Plan | undefined} */
  #plan;
  #planned = "";
  /** What keys go about in: `kind id` → where it is. @type {Map<string, Point>} */
  #items = new Map();
  #current = "";

  /**
   * @param {{ svg: SVGSVGElement, frame: HTMLElement }} where
   * @param {(selection: Selection) => void} select
   */
  constructor({ svg: element, frame }, select) {
    this.#svg = element;
    this.#frame = frame;
    this.#select = select;
    this.#layers = new Map(LAYERS.map((name) => [name, svg("g", { id: `layer-${name}` })]));
    const arrow = svg("path", { d: "M0 0 8 4 0 8z", class: "arrow" });
    const marker = { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 9, markerHeight: 9 };
    const defs = svg("defs", {}, svg("marker", { ...marker, markerUnits: "userSpaceOnUse", orient: "auto" }, arrow));
    element.append(defs, ...this.#layers.values());
    this.#viewBox = new ViewBox(element);
    element.addEventListener("click", (event) => this.#open(event));
    element.addEventListener("keydown", (event) => this.#key(event));
    element.addEventListener("focusin", (event) => this.#focused(event));
  }

  /** @param {View} view */
  draw(view) {
    if (Object.keys(view.fabric.nodes).length === 0) return;
    const chips = chipsOf(view.fabric, view.hidden);
    const plan = this.#planOf(view, roomFor(view.fabric, chips));
    const scene = { view, plan, chips: placed(chips, plan) };
    const layer = (/** @type {string} */ name) => /** @type {SVGGElement} */ (this.#layers.get(name));
    layer("links").classList.toggle("quiet", plan.density.chipsAcross === 0);
    drawAreas(layer("areas"), scene);
    drawHome(layer("home"), scene);
    const links = drawLinks(layer("links"), scene);
    const tunnels = drawTunnels(layer("tunnels"), scene);
    const nodes = drawNodes(layer("nodes"), scene);
    const vms = drawChips(layer("vms"), scene);
    this.#items = new Map([
      ...named("nodes", nodes),
      ...named("vms", vms),
      ...named("links", links),
      ...named("tunnels", tunnels),
    ]);
    this.#keepOneTabStop();
  }

  /** @param {boolean} isLarger */
  zoom(isLarger) {
    this.#viewBox.step(isLarger);
  }

  fit() {
    this.#viewBox.reset();
  }

  /**
   * The plan is made anew only when what is to be placed, or the room for it, has changed.
   * @param {View} view
   * @param {ReadonlyMap<string, number>} chips
   * @returns {Plan}
   */
  #planOf({ fabric }, chips) {
    const isNarrow = window.innerWidth < NARROW;
    const width = this.#frame.clientWidth;
    const height = isNarrow ? width * LONGEST : this.#frame.clientHeight;
    const links = Object.values(fabric.links).map(({ a, b }) => ({ a, b }));
    const facts = Object.entries(fabric.nodes).map(([id, { tier, areas, isBorder, name }]) => [
      id,
      tier,
      areas,
      isBorder,
      name,
    ]);
    const pairs = links.map(({ a, b }) => `${a.node} ${b.node}`);
    const wanted = JSON.stringify([facts, pairs, [...chips], width, height]);
    if (this.#plan === undefined || wanted !== this.#planned) {
      this.#planned = wanted;
      this.#plan = planFor({ nodes: fabric.nodes, links, chips }, { width, height });
      const { size, scale } = this.#plan;
      this.#svg.style.height = isNarrow ? `${Math.ceil(size.height * scale)}px` : "";
      this.#viewBox.fit(size, { width, height: isNarrow ? Math.ceil(size.height * scale) : height }, scale);
    }
    return this.#plan;
  }

  /** One of all is reached by Tab, the others by arrows. */
  #keepOneTabStop() {
    const items = [...this.#svg.querySelectorAll("[data-kind]")];
    const current = items.find((item) => keyOf(item) === this.#current) ?? items.find(isNode) ?? items[0];
    for (const item of items) {
      const index = item === current ? "0" : "-1";
      if (item.getAttribute("tabindex") !== index) item.setAttribute("tabindex", index);
    }
  }

  /** @param {Event} event */
  #open(event) {
    const item = itemAt(event);
    if (item !== null) this.#select(selectionOf(item));
  }

  /** @param {FocusEvent} event */
  #focused(event) {
    const item = itemAt(event);
    if (item === null) return;
    this.#current = keyOf(item);
    this.#keepOneTabStop();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const item = itemAt(event);
    if (item === null) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.#select(selectionOf(item));
      return;
    }
    const direction = DIRECTIONS.get(event.key);
    const from = this.#items.get(keyOf(item));
    if (direction === undefined || from === undefined) return;
    event.preventDefault();
    const next = nearest(from, this.#items, direction);
    if (next !== undefined) this.#elementOf(next)?.focus();
  }

  /** @param {string} key @returns {SVGElement | null} */
  #elementOf(key) {
    const items = /** @type {NodeListOf<SVGElement>} */ (this.#svg.querySelectorAll("[data-kind]"));
    return [...items].find((item) => keyOf(item) === key) ?? null;
  }
}

/** @param {string} kind @param {ReadonlyMap<string, Point>} places @returns {[string, Point][]} */
const named = (kind, places) => [...places].map(([id, point]) => [`${kind} ${id}`, point]);

/** @param {Event} event @returns {Element | null} */
const itemAt = ({ target }) => (target instanceof Element ? target.closest("[data-kind]") : null);

/** By what it is drawn for: chips of several VMs open their node. @param {Element} item */
const keyOf = (item) =>
  `${item.closest("#layer-vms") === null ? item.getAttribute("data-kind") : "vms"} ${item.getAttribute("data-key")}`;

/** @param {Element} item */
const isNode = (item) => item.getAttribute("data-kind") === "nodes";

/** @param {Element} item @returns {Selection} */
const selectionOf = (item) => ({ kind: item.getAttribute("data-kind") ?? "", id: item.getAttribute("data-id") ?? "" });
