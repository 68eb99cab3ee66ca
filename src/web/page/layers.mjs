/** What is drawn of the fabric, layer by layer, each brought up to date by itself. */
import { keyed, set, setText, svg } from "./dom.mjs";
import { arc, aside, between, edgeTowards, middleOf, round } from "./geometry.mjs";
import { fullLoad, loadClass, loadWidth } from "./paint.mjs";
import { bitsText, clipped, percent, short } from "./units.mjs";

/**
 * @typedef {import("../model.ts").Fabric} Fabric
 * @typedef {import("../model.ts").FabricLink} FabricLink
 * @typedef {import("../model.ts").FabricNode} FabricNode
 * @typedef {import("../model.ts").FabricTunnel} FabricTunnel
 * @typedef {import("../model.ts").LinkEnd} LinkEnd
 * @typedef {import("./geometry.mjs").Point} Point
 * @typedef {import("./layout.mjs").Box} Box
 * @typedef {import("./layout.mjs").Plan} Plan
 * @typedef {import("./chips.mjs").Chip} Chip
 * @typedef {{ readonly kind: string, readonly id: string }} Selection
 * @typedef {object} View What is shown, and how.
 * @property {Fabric} fabric
 * @property {Selection | null} selection
 * @property {ReadonlySet<string>} hidden Tenants whose VMs are not shown.
 * @property {"load" | "cost" | "state" | "none"} linkLabels
 * @property {boolean} hasTunnels
 * @property {ReadonlyMap<string, string>} tenants Class of each.
 * @typedef {object} Scene
 * @property {View} view
 * @property {Plan} plan
 * @property {ReadonlyMap<string, Chip>} chips
 */

/** @param {Selection | null} selection @param {string} kind @param {string} id */
const isSelected = (selection, kind, id) => selection?.kind === kind && selection.id === id;

/** @param {string} kind @param {string} id */
const itemOf = (kind, id) => svg("g", { role: "button", tabindex: -1, "data-kind": kind, "data-id": id });

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

// ---- links ----

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
  return new Map([...lines].map(([id, { a, b }]) => [id, between(a, b, 0.5)]));
}

/** @typedef {{ id: string, link: FabricLink, a: Point, b: Point }} Line */

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
      const [a, b] = aside(edgeTowards(from, middleOf(to)), edgeTowards(to, middleOf(from)), by);
      lines.set(id, { id, link, a, b });
    });
  }
  return lines;
}

/**
 * @param {Element} group
 * @param {Line} line
 * @param {{ view: View, most: number }} how
 */
function updateLink(group, { id, link, a, b }, { view, most }) {
  const [title, hit, halfA, halfB, textA, textB] = /** @type {Element[]} */ ([...group.children]);
  const middle = between(a, b, 0.5);
  const [ab, ba] = [loadClass(link.ab, most), loadClass(link.ba, most)];
  const named = linkText(link, view.fabric);
  const selected = isSelected(view.selection, "links", id);
  set(group, { class: `link ${link.state} ${link.kind}${selected ? " selected" : ""}`, "aria-label": named });
  setText(/** @type {Element} */ (title), named);
  const d = (/** @type {Point} */ from, /** @type {Point} */ to) =>
    `M${round(from.x)} ${round(from.y)} L${round(to.x)} ${round(to.y)}`;
  set(/** @type {Element} */ (hit), { d: d(a, b) });
  set(/** @type {Element} */ (halfA), { d: d(a, middle), class: `half ${ab}`, "stroke-width": loadWidth(ab) });
  set(/** @type {Element} */ (halfB), { d: d(b, middle), class: `half ${ba}`, "stroke-width": loadWidth(ba) });
  const labels = labelsOf(link, view.linkLabels);
  [textA, textB].forEach((text, i) => {
    // Nearer to its own end, where links of different neighbors lie apart.
    const at = between(i === 0 ? a : b, i === 0 ? b : a, 0.24);
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

// ---- tunnels, and the way to a VM's home ----

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
    (group, { id, tunnel, path, top }) => {
      const [title, hit, way, text] = /** @type {[Element, Element, Element, Element]} */ ([...group.children]);
      const named = tunnelText(tunnel, view.fabric);
      const state = `tunnel${(tunnel.rate ?? 0) > 0 ? " busy" : ""}${isSelected(view.selection, "tunnels", id) ? " selected" : ""}`;
      set(group, { class: state, "aria-label": named });
      setText(title, named);
      set(hit, { d: path });
      set(way, { d: path, "stroke-width": round(1.5 + 3 * (tunnel.share ?? 0)) });
      set(text, { x: round(top.x), y: round(top.y + 4) });
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

// ---- nodes ----

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
  dropLevel > 0 ? `▼ ${short(drops ?? 0)}/s` : isBorder && kind !== "network" ? "ABR" : "";

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

// ---- VMs ----

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
