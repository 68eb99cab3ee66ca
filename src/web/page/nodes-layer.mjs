/** Areas, and the nodes in them. */
import { keyed, set, setText, svg } from "./dom.mjs";
import { middleOf, round } from "./geometry.mjs";
import { isSelected, itemOf } from "./scene.mjs";
import { clipped, percent, short } from "./units.mjs";

/**
 * @typedef {import("../model.ts").FabricNode} FabricNode
 * @typedef {import("./geometry.mjs").Point} Point
 * @typedef {import("./layout.mjs").Box} Box
 * @typedef {import("./layout.mjs").Plan} Plan
 * @typedef {import("./scene.mjs").Scene} Scene
 */

/** @param {Element} layer @param {Scene} scene */
export function drawAreas(layer, { view, plan }) {
  const shown = new Map([...plan.areas].filter(([area]) => area !== ""));
  keyed(
    layer,
    shown,
    () => svg("g", {}, svg("rect", { rx: 16 }), svg("text", {})),
    (group, box, area) => {
      const [rect, text] = /** @type {[Element, Element]} */ ([...group.children]);
      const isTop = area === "0.0.0.0" && plan.areas.size > 1;
      const kind = view.fabric.areas[area]?.kind;
      set(group, { class: area === "0.0.0.0" ? "area backbone" : "area" });
      set(rect, { x: round(box.x), y: round(box.y), width: round(box.width), height: round(box.height) });
      set(text, { x: round(box.x + 12), y: round(isTop ? box.y + 16 : box.y + box.height - 9) });
      setText(text, `area ${area}${kind === null || kind === undefined || kind === "normal" ? "" : `, ${kind}`}`);
    },
  );
}

/** @param {Element} layer @param {Scene} scene @returns {Map<string, Point>} */
export function drawNodes(layer, { view, plan }) {
  const { fabric, selection } = view;
  const vm = selection?.kind === "vms" ? fabric.vms[selection.id] : undefined;
  const counts = Map.groupBy(Object.values(fabric.vms), ({ at }) => at);
  const shown = new Map([...plan.boxes].filter(([id]) => fabric.nodes[id] !== undefined));
  keyed(
    layer,
    shown,
    (_, id) => {
      const group = itemOf("nodes", id);
      group.append(
        svg("title"),
        svg("rect", { class: "box", rx: 8 }),
        svg("rect", { class: "stripe", rx: 2, width: 4 }),
        svg("text", { class: "name" }),
        svg("text", { class: "sub" }),
        svg("text", { class: "badge" }),
      );
      return group;
    },
    (group, box, id) => {
      const node = /** @type {FabricNode} */ (fabric.nodes[id]);
      const marks = [
        isSelected(selection, "nodes", id) && "selected",
        vm?.home === id && "is-home",
        vm?.at === id && "is-host",
      ];
      const vms = counts.get(id)?.length ?? 0;
      updateNode(group, { node, box, vms, plan, marks: marks.filter((mark) => mark !== false) });
    },
  );
  return new Map([...shown].map(([id, box]) => [id, middleOf(box)]));
}

/**
 * @param {Element} group
 * @param {{ node: FabricNode, box: Box, vms: number, plan: Plan, marks: string[] }} what
 */
function updateNode(group, { node, box, vms, plan, marks }) {
  const [title, rect, stripe, name, sub, badge] = /** @type {Element[]} */ ([...group.children]);
  const named = nodeText(node, vms);
  const isDense = plan.density.chipsAcross === 0;
  set(group, {
    class: ["node", node.kind, node.state, node.role ?? "", ...marks].join(" "),
    "aria-label": named,
    transform: `translate(${round(box.x)} ${round(box.y)})`,
  });
  setText(/** @type {Element} */ (title), named);
  set(/** @type {Element} */ (rect), { width: box.width, height: box.height });
  set(/** @type {Element} */ (stripe), { x: 4, y: 6, height: box.height - 12 });
  set(/** @type {Element} */ (name), { x: 14, y: isDense ? 15 : 19 });
  setText(/** @type {Element} */ (name), clipped(node.name, Math.floor((box.width - 20) / 7.6)));
  set(/** @type {Element} */ (sub), { x: 14, y: isDense ? 28 : 35 });
  setText(/** @type {Element} */ (sub), clipped(subText(node, isDense ? vms : 0), Math.floor((box.width - 20) / 5.75)));
  set(/** @type {Element} */ (badge), { x: box.width - 7, y: isDense ? 15 : 19 });
  setText(/** @type {Element} */ (badge), badgeText(node));
}

/** @param {FabricNode} node */
const badgeText = ({ dropLevel, drops, isBorder, kind }) =>
  dropLevel > 0 ? `▼ ${short(drops ?? 0).trim()}/s` : isBorder && kind !== "network" ? "ABR" : "";

/** @param {FabricNode} node @param {number} vms 0: they are shown themselves. */
function subText({ state, kind, role, version, busy }, vms) {
  if (state === "unreachable") return "does not answer";
  if (state === "asking") return "asking …";
  if (kind === "unseen") return "not seen from here";
  if (kind === "network") return "multi-access";
  if (state === "foreign") return "known by OSPF";
  if (vms > 0) return `${vms} VM${vms === 1 ? "" : "s"}`;
  if (state === "other-version") return `AIN ${version}`;
  return busy === null ? (role ?? "") : `${role}, ${percent(busy)}`;
}

/** @param {FabricNode} node @param {number} vms */
export function nodeText({ name, role, state, reason, busy, drops, areas }, vms) {
  const facts = [
    ...[name, role ?? "router", state === "foreign" ? "known by OSPF alone" : state.replace("-", " "), reason],
    ...[areas.length > 0 ? `area ${areas.join(", ")}` : null, busy === null ? null : `busy ${percent(busy)}`],
    ...[vms > 0 ? `${vms} VMs` : null, (drops ?? 0) > 0 ? `drops ${drops} frames a second` : null],
  ];
  return facts.filter((fact) => fact !== null && fact !== "").join(", ");
}
