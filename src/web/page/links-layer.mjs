/** Links: each half as loaded as its end's port. */
import { keyed, set, setText, svg } from "./dom.mjs";
import { aside, between, edgeTowards, middleOf, round } from "./geometry.mjs";
import { fullLoad, loadClass, loadWidth } from "./paint.mjs";
import { isSelected, itemOf } from "./scene.mjs";
import { bitsText, short } from "./units.mjs";

/**
 * @typedef {import("../model.ts").Fabric} Fabric
 * @typedef {import("../model.ts").FabricLink} FabricLink
 * @typedef {import("../model.ts").LinkEnd} LinkEnd
 * @typedef {import("./geometry.mjs").Point} Point
 * @typedef {import("./layout.mjs").Box} Box
 * @typedef {import("./layout.mjs").Plan} Plan
 * @typedef {import("./scene.mjs").Scene} Scene
 * @typedef {import("./scene.mjs").View} View
 */

/** @param {Element} layer @param {Scene} scene @returns {Map<string, Point>} where each can be reached. */
export function drawLinks(layer, { view, plan }) {
  const { most } = fullLoad(view.fabric);
  const lines = linesOf(view.fabric, plan);
  keyed(
    layer,
    lines,
    (_, id) => {
      const parts = ["hit", "half a", "half b"].map((name) => svg("path", { class: name }));
      const group = itemOf("links", id);
      group.append(svg("title"), ...parts, svg("text", { class: "label" }), svg("text", { class: "label" }));
      return group;
    },
    (group, line) => updateLink(group, line, { view, most }),
  );
  return new Map([...lines].map(([id, { middle }]) => [id, middle]));
}

/** @typedef {{ id: string, link: FabricLink, a: Point, b: Point, middle: Point }} Line */

const PARALLEL = 10;

/** @param {Fabric} fabric @param {Plan} plan @returns {Map<string, Line>} */
function linesOf({ links }, plan) {
  const drawn = Object.entries(links).filter(([, { a, b }]) => plan.boxes.has(a.node) && plan.boxes.has(b.node));
  const pairs = Map.groupBy(drawn, ([, { a, b }]) => [a.node, b.node].sort().join(" "));
  /** @type {Map<string, Line>} */
  const lines = new Map();
  for (const pair of pairs.values()) {
    pair.forEach(([id, link], i) => {
      const [from, to] = /** @type {[Box, Box]} */ ([plan.boxes.get(link.a.node), plan.boxes.get(link.b.node)]);
      const isTurned = link.a.node > link.b.node;
      const by = (i - (pair.length - 1) / 2) * PARALLEL * (isTurned ? -1 : 1);
      lines.set(id, { id, link, ...lineBetween(from, to, by) });
    });
  }
  return lines;
}

/** A link to a node that is not the next one of the same row goes over those between. */
const OVER = 26;

/**
 * @param {Box} from
 * @param {Box} to
 * @param {number} by how far to the side
 * @returns {{ a: Point, b: Point, middle: Point }}
 */
function lineBetween(from, to, by) {
  const straight = between(middleOf(from), middleOf(to), 0.5);
  const isRow = from.y === to.y && Math.abs(from.x - to.x) > 1.5 * from.width;
  const over = isRow ? { x: straight.x, y: from.y - OVER } : straight;
  const [a, b] = aside(
    edgeTowards(from, isRow ? over : middleOf(to)),
    edgeTowards(to, isRow ? over : middleOf(from)),
    by,
  );
  const middle = isRow ? { x: over.x, y: over.y + by } : between(a, b, 0.5);
  return { a, b, middle };
}

/**
 * @param {Element} group
 * @param {Line} line
 * @param {{ view: View, most: number }} how
 */
function updateLink(group, { id, link, a, b, middle }, { view, most }) {
  const [title, hit, halfA, halfB, textA, textB] = /** @type {Element[]} */ ([...group.children]);
  const [ab, ba] = [loadClass(link.ab, most), loadClass(link.ba, most)];
  const named = linkText(link, view.fabric);
  const selected = isSelected(view.selection, "links", id);
  set(group, { class: `link ${link.state} ${link.kind}${selected ? " selected" : ""}`, "aria-label": named });
  setText(/** @type {Element} */ (title), named);
  const d = (/** @type {Point[]} */ ...points) => `M${points.map(({ x, y }) => `${round(x)} ${round(y)}`).join(" L")}`;
  set(/** @type {Element} */ (hit), { d: d(a, middle, b) });
  set(/** @type {Element} */ (halfA), { d: d(a, middle), class: `half ${ab}`, "stroke-width": loadWidth(ab) });
  set(/** @type {Element} */ (halfB), { d: d(b, middle), class: `half ${ba}`, "stroke-width": loadWidth(ba) });
  const labels = labelsOf(link, view.linkLabels);
  [textA, textB].forEach((text, i) => {
    // Nearer to its own end, where links of different neighbors lie apart.
    const at = between(i === 0 ? a : b, middle, 0.48);
    set(/** @type {Element} */ (text), { x: round(at.x), y: round(at.y + 4) });
    setText(/** @type {Element} */ (text), labels[i] ?? "");
  });
}

/** Rates of hellos alone are not worth a label. */
const WORTH_A_LABEL = 20_000;

/** @param {FabricLink} link @param {View["linkLabels"]} what @returns {[string, string]} */
function labelsOf({ kind, ab, ba, a, b, state }, what) {
  if (kind === "unseen" || what === "none") return ["", ""];
  if (state === "down") return ["down", ""];
  const load = (/** @type {number | null} */ bits) => (bits !== null && bits >= WORTH_A_LABEL ? short(bits) : "");
  if (what === "load") return [load(ab), load(ba)];
  if (what === "cost") return [`${a.cost ?? ""}`, `${b.cost ?? ""}`];
  const states = (/** @type {LinkEnd} */ end) => [end.ospf, end.bfd].filter((each) => each !== null).join("/");
  return [states(a), states(b)];
}

/** @param {FabricLink} link @param {Fabric} fabric */
export function linkText({ a, b, state, reason, ab, ba, area }, { nodes }) {
  const end = (/** @type {LinkEnd} */ { node, port }) =>
    `${nodes[node]?.name ?? node}${port === null ? "" : ` ${port}`}`;
  const names = [a, b].map(({ node }) => nodes[node]?.name ?? node);
  const loads = ab === null && ba === null ? "" : `; to ${names[1]} ${bitsText(ab)}, to ${names[0]} ${bitsText(ba)}`;
  const where = area === null ? "" : `, area ${area}`;
  return `Link ${end(a)} – ${end(b)}${where}: ${state}${reason === null ? "" : `, ${reason}`}${loads}`;
}
