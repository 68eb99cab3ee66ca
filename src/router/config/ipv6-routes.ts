/** Checks of networks' IPv6 routes: by way of gateways, or to nothing. Peerings are for both families (network-routes.ts). */
import { contains } from "#base/address";
import type { WrittenRoute } from "#policy/route-table";
import type { Network, Prefix } from "#router/config/model";
import type { Path } from "#runtime/document/config-error";
import type { Inspector } from "#runtime/document/inspector";

export interface AroundRoutes {
  /** The fabric has gateways; and they lead to IPv6 hosts. */
  readonly hasOutside: boolean;
  readonly hasOutside6: boolean;
  /** The fabric's own. */
  readonly prefixes: readonly Prefix[];
  readonly networks: readonly Network[];
}

interface Route6 {
  readonly network: Network;
  readonly route: WrittenRoute<Prefix>;
}

export function checkRoute6(inspector: Inspector, path: Path, { network, route }: Route6, around: AroundRoutes): void {
  const { to, via } = route;
  if (via.kind === "peer" || via.kind === "public") {
    const expected =
      "gateway or blackhole: a route to a network is for its IPv6 hosts too, whatever IPv4 prefix it has";
    inspector.report([...path, "via"], { found: via.kind === "peer" ? via.network : via.kind, expected });
    return;
  }
  const inside = [
    ...around.prefixes.map((prefix) => ({ prefix, whose: "the fabric's" })),
    ...around.networks.flatMap(({ name, tenantPrefixes }) =>
      tenantPrefixes.map((prefix) => ({ prefix, whose: `${name}'s` })),
    ),
  ].find(({ prefix }) => prefix.length <= to.length && contains(prefix, to.address));
  const isHole = via.kind === "blackhole" && inside !== undefined && inside.prefix.length < to.length;
  if (inside !== undefined && !isHole) {
    const found = `${to.text}, inside ${inside.whose} ${inside.prefix.text}`;
    inspector.report([...path, "to"], { found, expected: "a destination that is no network's" });
  }
  if (via.kind === "gateway") checkGateway(inspector, path, network, around);
}

function checkGateway(inspector: Inspector, path: Path, network: Network, { hasOutside6 }: AroundRoutes): void {
  if (!hasOutside6) {
    const expected = 'outside: { ipv6: ["2000::/3"] } in the fabric\'s file beside an IPv6 route via gateway';
    inspector.report([...path, "via"], { found: "gateway, in a fabric without an IPv6 outside", expected });
  } else if (!network.publicIpv6 && !network.tenantPrefixes.some(({ isPublic }) => isPublic)) {
    const found = "an IPv6 route via gateway of a network whose IPv6 addresses are all private";
    inspector.report(path, { found, expected: "publicIpv6: true, or tenantPrefixes that are public: no others leave" });
  }
}
