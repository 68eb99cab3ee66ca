/** VMs, and counts of them, below their nodes. */
import { keyed, set, setText, svg } from "./dom.mjs";
import { middleOf, round } from "./geometry.mjs";
import { isSelected, itemOf } from "./scene.mjs";
import { clipped } from "./units.mjs";

/**
 * @typedef {import("./geometry.mjs").Point} Point
 * @typedef {import("./scene.mjs").Scene} Scene
 */

/** Milliseconds that a VM takes to glide to its new place; as in style.css. */
const GLIDE = 1400;

/** @param {Element} layer @param {Scene} scene @returns {Map<string, Point>} */
export function drawChips(layer, { view, chips }) {
  keyed(
    layer,
    chips,
    (chip, key) => {
      const group = itemOf(chip.vm === null ? "nodes" : "vms", chip.vm === null ? chip.node : key);
      group.append(
        svg("title"),
        svg("rect", { class: "chip", rx: 5 }),
        svg("rect", { class: "swatch", rx: 2, width: 6 }),
        svg("text", {}),
      );
      return group;
    },
    (element, chip, key) => {
      const group = /** @type {SVGGElement} */ (element);
      const [title, rect, swatch, text] = /** @type {[Element, Element, Element, Element]} */ ([...group.children]);
      const { box, vm } = chip;
      const isMoved = group.dataset.at !== undefined && group.dataset.at !== chip.node;
      if (isMoved) glide(group);
      group.dataset.at = chip.node;
      group.style.transform = `translate(${round(box.x)}px, ${round(box.y)}px)`;
      const state = vm === null ? "" : `${vm.state === "up" ? "" : " not-up"}${vm.isDisputed ? " disputed" : ""}`;
      const isChosen = vm !== null && isSelected(view.selection, "vms", key);
      const classes = `vm ${view.tenants.get(chip.tenant) ?? ""}${state}${isChosen ? " selected" : ""}${vm === null ? " count" : ""}`;
      set(group, {
        class: `${classes}${group.classList.contains("moving") ? " moving" : ""}`,
        "aria-label": chip.text,
      });
      setText(title, chip.text);
      set(rect, { width: box.width, height: box.height });
      set(swatch, { x: 4, y: 4, height: box.height - 8 });
      set(text, { x: 14, y: box.height - 5.5 });
      setText(text, clipped(chip.label, Math.floor((box.width - 16) / 6.2)));
    },
  );
  return new Map([...chips].map(([key, { box }]) => [key, middleOf(box)]));
}

/** @param {Element} group */
function glide(group) {
  group.classList.add("moving");
  setTimeout(() => group.classList.remove("moving"), GLIDE);
}
