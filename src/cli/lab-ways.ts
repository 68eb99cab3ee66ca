/** Which ways through a lab are worth measuring. */
import type { Place } from "#cli/lab-vms";

/** From one VM to another of its network. */
export interface Way {
  readonly from: Place;
  readonly to: Place;
}

/** Most ways that are measured one after another. */
const MOST = 4;

/** From the first VM of the first network to the others, those at other hypervisors first. */
export function waysOf(vms: readonly Place[]): Way[] {
  const [from] = vms;
  if (from === undefined) return [];
  const others = vms.filter((vm) => vm.network === from.network && vm.name !== from.name);
  const away = others.filter(({ hypervisor }) => hypervisor !== from.hypervisor);
  const near = others.filter(({ hypervisor }) => hypervisor === from.hypervisor);
  // The nearest and the furthest, as far as a file's order tells.
  const few = away.length > MOST ? [...away.slice(0, MOST - 1), away.at(-1)!] : away;
  return [...few, ...near.slice(0, 1)].map((to) => ({ from, to }));
}

/** VMs in pairs within their networks, each VM in one pair at most: what can run at once. */
export function pairsOf(vms: readonly Place[]): Way[] {
  return [...new Set(vms.map(({ network }) => network))].flatMap((name) => {
    const peers = vms.filter(({ network }) => network === name);
    const half = peers.length >> 1;
    return peers.slice(0, half).map((from, i) => ({ from, to: peers[i + half]! }));
  });
}
