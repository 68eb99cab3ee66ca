/** Which row of the map a node is in: as many hops as it is from the nearest hypervisor. */
import type { FabricLink } from "#web/model";
import type { Untiered } from "#web/nodes";

/** A LAN is half a hop from its routers, so that it lies between their rows. */
const LAN_STEP = 0.5;

/**
 * By node. Hypervisors are 0; those that no link leads to a hypervisor from are one hop above, their LANs half a hop more; what
 * nobody sees is above all others.
 */
export function tiersOf(
  nodes: Readonly<Record<string, Untiered>>,
  links: readonly Pick<FabricLink, "a" | "b" | "kind">[],
): ReadonlyMap<string, number> {
  const neighbors = new Map<string, string[]>();
  for (const { a, b, kind } of links) {
    if (kind === "unseen") continue;
    neighbors.set(a.node, [...(neighbors.get(a.node) ?? []), b.node]);
    neighbors.set(b.node, [...(neighbors.get(b.node) ?? []), a.node]);
  }
  const tiers = new Map<string, number>();
  let reached = Object.keys(nodes).filter((id) => isBottom(nodes[id]!));
  for (const id of reached) tiers.set(id, 0);
  while (reached.length > 0) {
    const next: string[] = [];
    for (const id of reached) {
      for (const neighbor of neighbors.get(id) ?? []) {
        if (nodes[neighbor] === undefined || nodes[neighbor].kind === "unseen") continue;
        const isLan = nodes[neighbor].kind === "network" || nodes[id]?.kind === "network";
        const tier = tiers.get(id)! + (isLan ? LAN_STEP : 1);
        // Half steps make a node reachable by a longer way in fewer turns: the shorter way counts.
        if (tier >= (tiers.get(neighbor) ?? Number.POSITIVE_INFINITY)) continue;
        tiers.set(neighbor, tier);
        next.push(neighbor);
      }
    }
    reached = next;
  }
  for (const [id, { kind }] of Object.entries(nodes)) {
    if (!tiers.has(id)) tiers.set(id, kind === "network" ? 1 + LAN_STEP : 1);
  }
  const top = Math.max(0, ...tiers.values());
  for (const [id, { kind }] of Object.entries(nodes)) if (kind === "unseen") tiers.set(id, top + 1);
  return tiers;
}

/** A router of which nothing is known but its name is likelier a hypervisor than not. */
const isBottom = ({ kind, role }: Untiered): boolean => role === "hypervisor" || (kind === "router" && role === null);
