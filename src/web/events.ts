/** What has happened between two models of the fabric, in words for the side of the map. */
import type { Fabric, FabricEvent, FabricLink, FabricMove, FabricNode, FabricVm, Kind } from "#web/model";

export type Happening = Omit<FabricEvent, "id" | "at">;

/** So many of one sort at one time are told one by one; of more only how many. */
const MOST_OF_A_SORT = 6;

/** A VM's new place is no news while its move is told, milliseconds from its beginning. */
const MOVE_TOLD = 30_000;

/** Unix milliseconds. */
export interface Times {
  /** Of the later model. */
  readonly at: number;
  /** What was over before that is no news. */
  readonly since: number;
}

/**
 * Nothing has happened to what is seen for the first time: `before` is to be a model of the same routers.
 */
export function happenings(before: Fabric, now: Fabric, { at, since }: Times): Happening[] {
  const sorts: readonly (readonly [string, Happening[]])[] = [
    ["routers", nodeHappenings(before, now)],
    ["links", linkHappenings(before, now)],
    ["moves", moveHappenings(before, now, since)],
    ["VMs", vmHappenings(before, now, at)],
    ["tunnels", tunnelHappenings(before, now)],
  ];
  return sorts.flatMap(([sort, all]) => (all.length <= MOST_OF_A_SORT ? all : summarised(sort, all)));
}

/** The worst are still told. */
function summarised(sort: string, all: readonly Happening[]): Happening[] {
  const told = all
    .toSorted((x, y) => Number(y.weight === "bad") - Number(x.weight === "bad"))
    .slice(0, MOST_OF_A_SORT - 1);
  return [...told, { weight: "note", text: `${all.length - told.length} more of ${sort} changed`, about: null }];
}

const happening = (weight: Happening["weight"], text: string, kind: Kind, id: string): Happening => ({
  ...{ weight, text, about: { kind, id } },
});

/** Ids that are in both models. */
const shared = (before: object, now: object): string[] => Object.keys(now).filter((id) => Object.hasOwn(before, id));
const added = (before: object, now: object): string[] => Object.keys(now).filter((id) => !Object.hasOwn(before, id));

function nodeHappenings(before: Fabric, now: Fabric): Happening[] {
  return shared(before.nodes, now.nodes).flatMap((id) => {
    const [old, node] = [before.nodes[id]!, now.nodes[id]!];
    return [...stateHappenings(old, node, id), ...dropHappenings(old, node, id)];
  });
}

function stateHappenings(old: FabricNode, node: FabricNode, id: string): Happening[] {
  const { name, state, reason } = node;
  const isOther = old.state !== state;
  if (isOther && state === "unreachable") return [happening("bad", `${name} does not answer: ${reason}`, "nodes", id)];
  const isNew = node.started !== null && old.started !== null && node.started > old.started;
  if (isNew) return [happening("note", `${name} was started anew`, "nodes", id)];
  if (isOther && old.state === "unreachable") return [happening("good", `${name} answers again`, "nodes", id)];
  if (isOther && state === "other-version") return [happening("note", `${name}: ${reason}`, "nodes", id)];
  return [];
}

function dropHappenings(old: FabricNode, { name, dropLevel, drops, dropReason }: FabricNode, id: string): Happening[] {
  if (dropLevel > old.dropLevel)
    return [happening("bad", `${name} drops ${drops} frames a second, most for ${dropReason}`, "nodes", id)];
  if (dropLevel === 0 && old.dropLevel > 0)
    return [happening("good", `${name} drops hardly anything now`, "nodes", id)];
  return [];
}

const linkName = ({ a, b }: FabricLink, { nodes }: Fabric): string =>
  `${nodes[a.node]?.name ?? a.node} – ${nodes[b.node]?.name ?? b.node}`;

function linkHappenings(before: Fabric, now: Fabric): Happening[] {
  const changed = shared(before.links, now.links).flatMap((id) => {
    const [old, link] = [before.links[id]!, now.links[id]!];
    const name = linkName(link, now);
    if (old.state !== link.state && link.state === "up") return [happening("good", `${name} is up`, "links", id)];
    if (old.state !== link.state && link.state !== "unknown") {
      const word = link.state === "down" ? "is down" : "is not up";
      return [happening("bad", `${name} ${word}: ${link.reason}`, "links", id)];
    }
    return [];
  });
  const fresh = added(before.links, now.links).map((id) =>
    happening("note", `${linkName(now.links[id]!, now)} is a new link`, "links", id),
  );
  return [...changed, ...fresh];
}

function moveHappenings(before: Fabric, now: Fabric, since: number): Happening[] {
  return Object.entries(now.moves).flatMap(([id, move]) => {
    const old = before.moves[id];
    const isOver = move.isReported && old?.isReported !== true && move.began + (move.took ?? 0) >= since;
    if (isOver) return [happening(move.outcome === "aborted" ? "bad" : "good", moveText(move), "moves", id)];
    const isBegun = move.outcome === "open" && old === undefined && move.source !== null && move.target !== null;
    return isBegun ? [happening("note", `${wayText(move)} begins`, "moves", id)] : [];
  });
}

const wayText = ({ vm, source, target }: FabricMove): string => `${vm}: ${source ?? "?"} → ${target ?? "?"}`;

/** `blue1: hv1 → hv2 in 21 ms, without packets for 18 ms, none lost`. */
export function moveText(move: FabricMove): string {
  if (move.outcome === "aborted") return `${wayText(move)} was given up`;
  const took = move.took === null ? "" : ` in ${millis(move.took)}`;
  const downtime = move.downtime === null ? "" : `, without packets for ${millis(move.downtime)}`;
  return `${wayText(move)}${took}${downtime}, ${move.lost === 0 ? "none" : move.lost} lost`;
}

const millis = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

function vmHappenings(before: Fabric, now: Fabric, at: number): Happening[] {
  const told = Object.values(now.moves).filter(({ began }) => at - began < MOVE_TOLD);
  const changed = shared(before.vms, now.vms).flatMap((id) => {
    const [old, vm] = [before.vms[id]!, now.vms[id]!];
    const isTold = told.some(
      (move) => move.vm === vm.name && [old.at, vm.at].includes(move.target ?? move.source ?? ""),
    );
    return vmChanges(old, vm, { id, isTold });
  });
  const fresh = added(before.vms, now.vms).map((id) =>
    happening("note", `${vmName(now.vms[id]!)} is at ${now.vms[id]!.at}`, "vms", id),
  );
  const lost = added(now.vms, before.vms).map(
    (id): Happening => ({
      weight: "note",
      text: `${vmName(before.vms[id]!)} has left ${before.vms[id]!.at}`,
      about: null,
    }),
  );
  return [...changed, ...fresh, ...lost];
}

const vmName = ({ name, network }: FabricVm): string => `${name} (${network})`;

/** @param isTold its move is: where it is, and how, is no news. */
function vmChanges(
  old: FabricVm,
  vm: FabricVm,
  { id, isTold }: { readonly id: string; readonly isTold: boolean },
): Happening[] {
  const name = vmName(vm);
  if (vm.isDisputed && !old.isDisputed) {
    const rivals = vm.also.map(({ node }) => node).join(", ");
    return [happening("bad", `${name}: ${vm.at} and ${rivals} both say that they have it`, "vms", id)];
  }
  if (isTold) return [];
  if (old.at !== vm.at) return [happening("note", `${name} is at ${vm.at} now, it was at ${old.at}`, "vms", id)];
  if (old.state === vm.state) return [];
  return [happening(vm.state === "up" ? "good" : "note", `${name} at ${vm.at} is ${vm.state}`, "vms", id)];
}

function tunnelHappenings(before: Fabric, now: Fabric): Happening[] {
  const named = (id: string, { tunnels, nodes }: Fabric): string => {
    const { from, to, address } = tunnels[id]!;
    return `${nodes[from]?.name ?? from} to ${to === null ? address : (nodes[to]?.name ?? to)}`;
  };
  return added(before.tunnels, now.tunnels).map((id) =>
    happening("note", `tunnel from ${named(id, now)} opened`, "tunnels", id),
  );
}
