/** Of what is selected: its facts, what it belongs together with, and which `ain show` commands are about it. */
import { linkText } from "./links-layer.mjs";
import { bitsText, clock, duration, millis, percent } from "./units.mjs";

/**
 * @typedef {import("../model.ts").Fabric} Fabric
 * @typedef {import("../model.ts").FabricNode} FabricNode
 * @typedef {import("./scene.mjs").Selection} Selection
 * @typedef {object} Tab
 * @property {string} label
 * @property {string} router Node that is asked.
 * @property {readonly string[]} words Behind `ain show`.
 * @typedef {object} Relation
 * @property {string} label
 * @property {Selection} to
 * @typedef {object} Subject
 * @property {string} title
 * @property {string} kind
 * @property {readonly (readonly [string, string])[]} facts Those that are "" are left out.
 * @property {readonly Relation[]} relations
 * @property {readonly Tab[]} tabs
 * @property {string} [note] Why there are no tabs.
 */

/**
 * @param {Fabric} fabric
 * @param {Selection} selection
 * @returns {Subject | undefined} undefined: it is not there any more.
 */
export function subjectOf(fabric, { kind, id }) {
  switch (kind) {
    case "nodes":
      return fabric.nodes[id] === undefined ? undefined : nodeSubject(fabric, id, fabric.nodes[id]);
    case "links":
      return linkSubject(fabric, id);
    case "vms":
      return vmSubject(fabric, id);
    case "tunnels":
      return tunnelSubject(fabric, id);
    case "moves":
      return moveSubject(fabric, id);
    default:
      return undefined;
  }
}

/** Those that are looked at most come first; the others are behind "more". */
export const NODE_VIEWS = [
  ...["status", "ports", "vms", "ospf neighbors", "routes", "bindings", "tunnels", "drops", "neighbors", "ospf"],
  ...["ospf interfaces", "ospf areas", "ospf database", "ospf routes", "ospf spf", "bfd", "mobility", "flights"],
  ...["segments", "rules", "connections", "nat", "dhcp", "counters", "homes", "networks"],
];
/** Tabs that are always to be seen. */
export const FIRST_TABS = 8;

/** @param {Fabric} fabric @param {string} id */
const nameOf = ({ nodes }, id) => nodes[id]?.name ?? id;

/** @param {Fabric} fabric @param {string} id @param {FabricNode} node @returns {Subject} */
function nodeSubject(fabric, id, node) {
  const links = Object.entries(fabric.links).filter(([, { a, b }]) => a.node === id || b.node === id);
  const vms = Object.entries(fabric.vms).filter(([, { at }]) => at === id);
  const toLink = links.map(([link, { a, b, state }]) => {
    const [own, other] = a.node === id ? [a, b] : [b, a];
    const label = `${own.port ?? "link"} → ${nameOf(fabric, other.node)}${state === "up" ? "" : ` (${state})`}`;
    return { label, to: { kind: "links", id: link } };
  });
  const toVm = vms.map(([vm, { name, network }]) => ({ label: `${name} (${network})`, to: { kind: "vms", id: vm } }));
  return {
    title: node.name,
    kind: NODE_KINDS[node.kind] ?? node.role ?? "router",
    facts: nodeFacts(fabric, id, node),
    relations: [...toLink, ...toVm],
    ...nodeTabs(fabric, id, node),
  };
}

/** @type {Readonly<Record<string, string>>} */
const NODE_KINDS = { network: "LAN", foreign: "router that only OSPF tells of", unseen: "part of the fabric" };

/** @param {Fabric} fabric @param {string} id @param {FabricNode} node @returns {Subject["facts"]} */
function nodeFacts({ homes }, id, node) {
  const { state, reason, address, routerId, areas, isBorder, version, started, busy, drops, ways, lacks } = node;
  const own = Object.keys(homes).filter((prefix) => homes[prefix]?.node === id);
  const shares = Object.entries(ways ?? {}).map(([way, share]) => `${way} ${percent(share)}`);
  // A router need not run OSPF or BFD.
  const missing = Object.keys(lacks).filter((view) => !view.startsWith("ospf") && view !== "bfd");
  return [
    ["state", state === "foreign" ? "" : state.replace("-", " ")],
    ["why", reason ?? ""],
    ["address", address ?? ""],
    ["router id", routerId ?? ""],
    ["areas", `${areas.join(", ")}${isBorder ? " (border router)" : ""}`],
    ["version", version ?? ""],
    ["up for", started === null || state === "unreachable" ? "" : duration(Date.now() / 1000 - started)],
    ["busy", busy === null ? "" : percent(busy)],
    ["drops", (drops ?? 0) > 0 ? `${drops} a second, most for ${node.dropReason}` : ""],
    ["packets to VMs", shares.join(", ")],
    ["home of", own.join(", ")],
    ["lacks", missing.join(", ")],
  ];
}

/** @param {Fabric} fabric @param {string} id @param {FabricNode} node @returns {{ tabs: Tab[], note?: string }} */
function nodeTabs(fabric, id, { kind, routerId, areas }) {
  if (kind === "router")
    return { tabs: NODE_VIEWS.map((view) => ({ label: view, router: id, words: view.split(" ") })) };
  if (kind === "unseen")
    return {
      tabs: [],
      note: "The border routers say that there is more of the fabric behind them; none of the routers asked sees it.",
    };
  const witness = Object.entries(fabric.nodes).find(
    ([, other]) =>
      other.kind === "router" && other.state !== "unreachable" && other.areas.some((area) => areas.includes(area)),
  )?.[0];
  const note = `Nobody can be asked here. What it tells others by OSPF${witness === undefined ? "" : `, as ${witness} has it`}:`;
  if (witness === undefined || routerId === null) return { tabs: [], note };
  const kinds = ["router", "intra-area-prefix", "all"];
  return {
    tabs: kinds.map((lsa) => ({ label: `LSAs: ${lsa}`, router: witness, words: ["ospf", "database", lsa, routerId] })),
    note,
  };
}

/** @param {Fabric} fabric @param {string} id @returns {Subject | undefined} */
function linkSubject(fabric, id) {
  const link = fabric.links[id];
  if (link === undefined) return undefined;
  const { a, b, ab, ba, area, state, reason } = link;
  const [left, right] = [nameOf(fabric, a.node), nameOf(fabric, b.node)];
  const speed = fabric.about[""]?.linkSpeed ?? null;
  const load = (/** @type {number | null} */ bits) =>
    bits === null ? "" : `${bitsText(bits)}${speed === null ? "" : `, ${percent(bits / speed)}`}`;
  const ends = [a, b].filter(({ node, port }) => port !== null && fabric.nodes[node]?.kind === "router");
  return {
    title: `${left} – ${right}`,
    kind: link.kind === "ospf" ? "link, adjacency of OSPF" : link.kind === "plain" ? "link" : "link that must be there",
    facts: [
      ["state", state],
      ["why", reason ?? ""],
      ["area", area ?? ""],
      ["ports", `${a.port ?? "?"} – ${b.port ?? "?"}`],
      [`to ${right}`, load(ab)],
      [`to ${left}`, load(ba)],
      ["cost", [a.cost, b.cost].filter((cost) => cost !== null).join(" – ")],
      ["OSPF", [a.ospf, b.ospf].filter((each) => each !== null).join(" – ")],
      ["BFD", [a.bfd, b.bfd].filter((each) => each !== null).join(" – ")],
      ["MTU", [a.mtu, b.mtu].filter((mtu) => mtu !== null).join(" – ")],
    ],
    relations: [a, b].map(({ node }) => ({ label: nameOf(fabric, node), to: { kind: "nodes", id: node } })),
    tabs: [
      ...ends.map(({ node, port }) => ({ label: `${node}: port`, router: node, words: ["ports", port ?? ""] })),
      ...ends.map(({ node }) => ({ label: `${node}: ospf neighbors`, router: node, words: ["ospf", "neighbors"] })),
      ...ends.map(({ node }) => ({ label: `${node}: bfd`, router: node, words: ["bfd"] })),
      ...ends.map(({ node, port }) => ({ label: `${node}: counters`, router: node, words: ["counters", port ?? ""] })),
    ],
    ...(ends.length === 0 && { note: linkText(link, fabric) }),
  };
}

const LATEST_MOVES = 2;

/** @param {Fabric} fabric @param {string} id @returns {Subject | undefined} */
function vmSubject(fabric, id) {
  const vm = fabric.vms[id];
  if (vm === undefined) return undefined;
  const { name, at, home, port } = vm;
  const moves = Object.entries(fabric.moves)
    .filter(([, move]) => move.vm === name)
    .sort(([, x], [, y]) => y.began - x.began)
    .slice(0, LATEST_MOVES);
  const away = home !== null && home !== at;
  return {
    title: name,
    kind: `VM of ${vm.network}`,
    facts: vmFacts(vm),
    relations: [
      { label: at, to: { kind: "nodes", id: at } },
      ...(away ? [{ label: `home ${home}`, to: { kind: "nodes", id: home } }] : []),
      ...moves.map(([move, { began }]) => ({ label: `move at ${clock(began)}`, to: { kind: "moves", id: move } })),
    ],
    tabs: [
      { label: "vm", router: at, words: ["vms", name] },
      { label: "port", router: at, words: ["ports", port] },
      { label: "connections", router: at, words: ["connections", name] },
      { label: `bindings at ${home ?? at}`, router: home ?? at, words: ["bindings"] },
      ...(away ? [{ label: `bindings at ${at}`, router: at, words: ["bindings"] }] : []),
      { label: "flight", router: at, words: ["flights", name] },
      { label: "dhcp", router: at, words: ["dhcp", name] },
      { label: "rules", router: at, words: ["rules"] },
      { label: "drops", router: at, words: ["drops"] },
    ],
  };
}

/** @param {import("../model.ts").FabricVm} vm @returns {Subject["facts"]} */
function vmFacts(vm) {
  const { at, home } = vm;
  return [
    ["state", vm.state],
    ["dispute", vm.isDisputed ? `${vm.also.map(({ node }) => node).join(", ")} says so too` : ""],
    ["addresses", vm.addresses.join(", ")],
    ["in the fabric", vm.networkAddresses.filter((address) => !vm.addresses.includes(address)).join(", ")],
    ["is at", at],
    ["at home at", home === null ? "not told by its address" : home === at ? `${home}: it is at home` : home],
    ["MAC", vm.mac ?? "not learnt yet"],
    ["sends", vm.sends === null ? "" : bitsText(vm.sends)],
    ["gets", vm.gets === null ? "" : bitsText(vm.gets)],
    ["also at", vm.also.map(({ node, state }) => `${node} (${state})`).join(", ")],
  ];
}

/** @param {Fabric} fabric @param {string} id @returns {Subject | undefined} */
function tunnelSubject(fabric, id) {
  const tunnel = fabric.tunnels[id];
  if (tunnel === undefined) return undefined;
  const { from, to, address, mtu, users, rate, share } = tunnel;
  const ends = [from, ...(to === null ? [] : [to])];
  return {
    title: `${nameOf(fabric, from)} → ${to === null ? address : nameOf(fabric, to)}`,
    kind: "tunnel to where VMs are",
    facts: [
      ["to", address],
      ["load", bitsText(rate)],
      ["share", share === null ? "" : `${percent(share)} of the packets to VMs that ${from} sends`],
      ["addresses", `${users} use it`],
      ["path MTU", mtu === null ? "as the uplink has it" : `${mtu}`],
    ],
    relations: ends.map((node) => ({ label: nameOf(fabric, node), to: { kind: "nodes", id: node } })),
    tabs: [
      { label: `${from}: tunnels`, router: from, words: ["tunnels"] },
      { label: `${from}: bindings`, router: from, words: ["bindings"] },
      ...(to === null ? [] : [{ label: `${to}: tunnels`, router: to, words: ["tunnels"] }]),
    ],
  };
}

/** @param {Fabric} fabric @param {string} id @returns {Subject | undefined} */
function moveSubject(fabric, id) {
  const move = fabric.moves[id];
  if (move === undefined) return undefined;
  const { vm, source, target, outcome, began, took, downtime, still, network, held, lost } = move;
  const sides = [source, target].flatMap((side) => (side === null ? [] : [side]));
  const parts =
    still === null || network === null
      ? ""
      : `: the VM stood still ${millis(still)}, the network took ${millis(network)}`;
  const vms = Object.entries(fabric.vms).filter(([, { name }]) => name === vm);
  return {
    title: `${vm}: ${source ?? "?"} → ${target ?? "?"}`,
    kind: "move of a VM",
    facts: [
      ["outcome", outcome],
      ["began", clock(began)],
      ["took", took === null ? "" : millis(took)],
      ["downtime", downtime === null ? "not known: nobody sent to it" : `${millis(downtime)}${parts}`],
      ["held", `${held} packets`],
      ["lost", `${lost} packets`],
    ],
    relations: [
      ...vms.map(([vmId, { name, network: of }]) => ({ label: `${name} (${of})`, to: { kind: "vms", id: vmId } })),
      ...sides.map((node) => ({ label: nameOf(fabric, node), to: { kind: "nodes", id: node } })),
    ],
    tabs: sides.map((router) => ({ label: `flight at ${router}`, router, words: ["flights", vm] })),
  };
}
