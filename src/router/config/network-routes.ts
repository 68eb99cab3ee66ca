/** Checks of what networks have to agree on: public prefixes that are nobody else's, and routes to one another. */
import { overlaps } from "#base/address";
import type { WrittenRoute } from "#policy/route-table";
import { type AroundRoutes, checkRoute6 } from "#router/config/ipv6-routes";
import type { Network, Prefix } from "#router/config/model";
import { closest } from "#runtime/document/closest";
import type { Path } from "#runtime/document/config-error";
import type { Inspector } from "#runtime/document/inspector";

/** A network and where it is in the file. */
export interface Placed {
  readonly network: Network;
  readonly path: Path;
}

/** A written route; the name of the network it leads to is checked by {@link checkNetworks}. */
export function routeTo(to: Prefix, via: string): WrittenRoute<Prefix> {
  if (via === "public" || via === "gateway" || via === "blackhole") return { to, via: { kind: via } };
  return { to, via: { kind: "peer", network: via } };
}

export function checkNetworks(
  inspector: Inspector,
  networks: readonly Placed[],
  fabric: Omit<AroundRoutes, "networks">,
): void {
  checkPublic(inspector, networks);
  const around = { ...fabric, networks: networks.map(({ network }) => network) };
  const byName = new Map(networks.map(({ network }) => [network.name, network]));
  for (const placed of networks) {
    const first = new Map<string, number>();
    for (const [i, route] of placed.network.routes.entries()) {
      const path = [...placed.path, "routes", i];
      const twin = first.get(route.to.text);
      if (twin === undefined) first.set(route.to.text, i);
      else {
        const line = inspector.lineOf([...placed.path, "routes", twin]);
        const found = `a route to ${route.to.text}, as in ${line}`;
        inspector.report([...path, "to"], { found, expected: "one route a destination" });
      }
      if (route.to.address.length === 16) {
        checkRoute6(inspector, path, { network: placed.network, route }, around);
        continue;
      }
      checkDestination(inspector, path, placed.network, route);
      if (route.via.kind === "gateway" && !around.hasOutside) {
        const expected = "outside: { prefix: … } in the fabric's file beside a route via gateway";
        inspector.report([...path, "via"], { found: "gateway, in a fabric without an outside", expected });
      }
      checkPeer(inspector, path, { network: placed.network, route, byName });
    }
  }
}

/** A public address is one network's: all others find it there. */
function checkPublic(inspector: Inspector, networks: readonly Placed[]): void {
  const seen: { prefix: Prefix; path: Path; name: string }[] = [];
  for (const { network, path } of networks) {
    for (const [i, prefix] of network.publicPrefixes.entries()) {
      const at = [...path, "public", i];
      const other = seen.find((earlier) => overlaps(earlier.prefix, prefix));
      if (other !== undefined) {
        const found = `${prefix.text}, which overlaps ${other.prefix.text} of ${other.name} (${inspector.lineOf(other.path)})`;
        inspector.report(at, { found, expected: "public addresses that are no other network's" });
      }
      seen.push({ prefix, path: at, name: network.name });
    }
  }
  for (const { network, path } of networks) {
    for (const [i, prefix] of network.prefixes.entries()) {
      const other = seen.find((each) => overlaps(each.prefix, prefix));
      if (other === undefined) continue;
      const found = `${prefix.text}, which overlaps the public ${other.prefix.text} of ${other.name} (${inspector.lineOf(other.path)})`;
      inspector.report([...path, "prefixes", i], { found, expected: "private addresses, which are public nowhere" });
    }
  }
}

/** A route inside the network's own prefixes would take addresses from its VMs. */
function checkDestination(inspector: Inspector, path: Path, network: Network, { to, via }: WrittenRoute<Prefix>): void {
  const own = [...network.prefixes, ...network.publicPrefixes].find(
    (prefix) => prefix.length <= to.length && overlaps(prefix, to),
  );
  if (own === undefined || (via.kind === "blackhole" && to.length > own.length)) return;
  const found = `${to.text}, inside the network's own ${own.text}`;
  inspector.report([...path, "to"], { found, expected: "a destination outside the network's own prefixes" });
}

interface Peering {
  readonly network: Network;
  readonly route: WrittenRoute<Prefix>;
  readonly byName: ReadonlyMap<string, Network>;
}

/** Both sides must agree: a route to a network needs one back. */
function checkPeer(inspector: Inspector, path: Path, { network, route: { to, via }, byName }: Peering): void {
  if (via.kind !== "peer") return;
  const at = [...path, "via"];
  const peer = byName.get(via.network);
  if (peer === undefined) {
    const meant = closest(via.network, [...byName.keys(), "public", "gateway", "blackhole"]);
    inspector.report(at, {
      found: `the unknown network "${via.network}"`,
      expected: "public, gateway, blackhole, or one of the fabric's networks",
      ...(meant !== undefined && { hint: `Did you mean "${meant}"?` }),
    });
  } else if (peer === network) {
    inspector.report(at, { found: `${via.network}, the network itself`, expected: "another network" });
  } else if (!peer.routes.some((back) => back.via.kind === "peer" && back.via.network === network.name)) {
    const found = `${via.network}, which has no route to ${network.name}`;
    inspector.report(at, { found, expected: "a network that has a route back: both sides of a peering must agree" });
  } else if (![...peer.prefixes, ...peer.publicPrefixes].some((prefix) => overlaps(prefix, to))) {
    const theirs = [...peer.prefixes, ...peer.publicPrefixes].map(({ text }) => text).join(", ");
    const found = `${to.text}, of which ${via.network} has nothing`;
    inspector.report([...path, "to"], { found, expected: `a destination in ${via.network}'s prefixes (${theirs})` });
  }
}
