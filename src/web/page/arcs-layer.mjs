/** Arcs between nodes: tunnels, and the way from a VM that is selected to the home of its address. */
import { keyed, set, setText, svg } from "./dom.mjs";
import { arc, round } from "./geometry.mjs";
import { isSelected, itemOf } from "./scene.mjs";
import { bitsText, percent } from "./units.mjs";

/**
 * @typedef {import("../model.ts").Fabric} Fabric
 * @typedef {import("../model.ts").FabricTunnel} FabricTunnel
 * @typedef {import("./geometry.mjs").Point} Point
 * @typedef {import("./scene.mjs").Scene} Scene
 */

/** @param {Element} layer @param {Scene} scene @returns {Map<string, Point>} */
export function drawTunnels(layer, { view, plan }) {
  const { tunnels } = view.fabric;
  const shown = Object.entries(tunnels).flatMap(([id, tunnel]) => {
    const [from, to] = [plan.boxes.get(tunnel.from), plan.boxes.get(tunnel.to ?? "")];
    const isUsed = tunnel.users > 0 || (tunnel.rate ?? 0) > 0;
    return view.hasTunnels && isUsed && from !== undefined && to !== undefined
      ? [/** @type {const} */ ([id, { id, tunnel, ...arc(from, to, tunnel.from < (tunnel.to ?? "") ? -72 : -108) }])]
      : [];
  });
  keyed(
    layer,
    new Map(shown),
    (_, id) => {
      const group = itemOf("tunnels", id);
      group.append(
        svg("title"),
        svg("path", { class: "hit" }),
        svg("path", { class: "way", "marker-end": "url(#arrow)" }),
        svg("text", { class: "label" }),
      );
      return group;
    },
    (group, { id, tunnel, path, head }) => {
      const [title, hit, way, text] = /** @type {[Element, Element, Element, Element]} */ ([...group.children]);
      const named = tunnelText(tunnel, view.fabric);
      const state = `tunnel${(tunnel.rate ?? 0) > 0 ? " busy" : ""}${isSelected(view.selection, "tunnels", id) ? " selected" : ""}`;
      set(group, { class: state, "aria-label": named });
      setText(title, named);
      set(hit, { d: path });
      set(way, { d: path, "stroke-width": round(1.5 + 3 * (tunnel.share ?? 0)) });
      // Where it ends: those of both directions lie apart, and links' labels are nearer to the middle.
      set(text, { x: round(head.x), y: round(head.y + 4) });
      setText(text, tunnel.share === null ? "" : percent(tunnel.share));
    },
  );
  return new Map(shown.map(([id, { top }]) => [id, top]));
}

/** @param {FabricTunnel} tunnel @param {Fabric} fabric */
export function tunnelText({ from, to, address, rate, share, users }, { nodes }) {
  const end = to === null ? address : (nodes[to]?.name ?? to);
  const part = share === null ? "" : `, ${percent(share)} of what ${from} sends to VMs`;
  return `Tunnel ${nodes[from]?.name ?? from} → ${end}: ${bitsText(rate)}${part}, for ${users} addresses`;
}

const HOME_BEND = 70;

/**
 * From a VM that is selected to the home of its address.
 * @param {Element} layer
 * @param {Scene} scene
 */
export function drawHome(layer, { view, plan, chips }) {
  const { selection, fabric } = view;
  const vm = selection?.kind === "vms" ? fabric.vms[selection.id] : undefined;
  const chip = chips.get(selection?.id ?? "");
  const from = chip?.box ?? plan.boxes.get(vm?.at ?? "");
  const to = plan.boxes.get(vm?.home ?? "");
  const isAway = vm !== undefined && vm.home !== vm.at && from !== undefined && to !== undefined;
  const lines = isAway ? new Map([["home", arc(from, to, HOME_BEND)]]) : new Map();
  keyed(
    layer,
    lines,
    () => svg("g", { class: "home-line" }, svg("path", {}), svg("text", { class: "label" }, "home")),
    (group, { path, top }) => {
      const [line, text] = /** @type {[Element, Element]} */ ([...group.children]);
      set(line, { d: path });
      set(text, { x: round(top.x), y: round(top.y + 4) });
    },
  );
}
