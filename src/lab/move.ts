/** Moves a VM of a lab from one of its routers to another, as far as the lab is concerned: its wire, and its announcement. */
import { LabError } from "#lab/lab-error";
import type { LabState } from "#lab/state";
import { announce, moveWire, wireEnd } from "#lab/wire";

/** Where a VM's wire may lead: its port, the node there. */
export interface WireEnd {
  readonly port: string;
  readonly node: string;
}

/**
 * Has the VM's frames go to and come from another node, and has the VM announce itself there. The nodes' routers are told
 * nothing. Throws LabError for a VM that does not move, or not there.
 */
export function labMove(state: LabState, vm: string, to: string): void {
  const { namespace, ports, interface: name } = movingVm(state, vm);
  const ends = wireEnds(state, vm);
  const end = ends.find(({ node }) => node === to);
  if (end === undefined) {
    throw new LabError(`${vm} has no link to ${to} (it has links to ${ends.map(({ node }) => node).join(", ")})`);
  }
  moveWire(namespace, ports, end.port);
  announce(namespace, name);
}

/** The node that the VM's wire leads to. */
export function locationOf(state: LabState, vm: string): string | undefined {
  const { namespace, ports } = movingVm(state, vm);
  const port = wireEnd(namespace, ports);
  return wireEnds(state, vm).find((end) => end.port === port)?.node;
}

/** The links of a VM, in the file's order. */
export function wireEnds({ links }: LabState, vm: string): WireEnd[] {
  return links.flatMap(([a, b]) => {
    if (a.node === vm) return [{ port: a.interface, node: b.node }];
    return b.node === vm ? [{ port: b.interface, node: a.node }] : [];
  });
}

interface MovingVm {
  readonly namespace: string;
  readonly interface: string;
  readonly ports: readonly string[];
}

function movingVm(state: LabState, vm: string): MovingVm {
  const node = state.nodes[vm];
  if (node === undefined) throw new LabError(`the lab ${state.name} has no node ${vm}`);
  const { namespace, ports, interface: name } = node;
  if (ports === undefined || name === undefined) throw new LabError(`${vm} does not move: it has no label ain-moves`);
  return { namespace, ports, interface: name };
}
