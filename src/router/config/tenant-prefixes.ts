/**
 * Checks of the IPv6 prefixes that tenants bring. Networks may have the same ones, for the tags tell them apart; networks
 * that speak to one another may not, for a destination there has no tags yet.
 */
import { contains, overlaps, parsePrefix6 } from "#base/address";
import type { Network, Prefix, TenantPrefix } from "#router/config/model";
import type { Placed } from "#router/config/network-routes";
import type { Path } from "#runtime/document/config-error";
import type { Inspector } from "#runtime/document/inspector";

/** Global unicast (RFC 4291 §2.4) and unique local (RFC 4193) addresses. */
const UNICAST = ["2000::/3", "fc00::/7"].map((text) => parsePrefix6(text)!);

/** True when all of its addresses are hosts'. IPv6. */
export const isUnicast = (prefix: Prefix): boolean =>
  UNICAST.some((range) => contains(range, prefix.address) && range.length <= prefix.length);

/** `fabric`: the fabric's own prefixes. */
export function checkTenantPrefixes(
  inspector: Inspector,
  networks: readonly Placed[],
  fabric: readonly Prefix[],
): void {
  for (const [i, placed] of networks.entries()) {
    const { network, path } = placed;
    for (const [j, prefix] of network.tenantPrefixes.entries()) {
      const at = [...path, "tenantPrefixes", j];
      checkOne(inspector, at, prefix, fabric);
      const twin = network.tenantPrefixes.slice(0, j).find((earlier) => overlaps(earlier, prefix));
      if (twin !== undefined) {
        const found = `${prefix.text}, which overlaps ${twin.text}`;
        inspector.report(at, { found, expected: "prefixes that do not overlap" });
      }
      checkPublic(inspector, at, { prefix, network, earlier: networks.slice(0, i) });
      checkPeers(inspector, at, { prefix, network, earlier: networks.slice(0, i) });
    }
  }
}

function checkOne(inspector: Inspector, at: Path, prefix: Prefix, fabric: readonly Prefix[]): void {
  const own = fabric.find((each) => overlaps(each, prefix));
  if (!isUnicast(prefix)) {
    inspector.report(at, { found: prefix.text, expected: "a prefix inside 2000::/3 or fc00::/7" });
  } else if (own !== undefined) {
    const found = `${prefix.text}, which overlaps the fabric's ${own.text}`;
    inspector.report(at, {
      found,
      expected: "a prefix outside the fabric's, where addresses are the fabric's to give",
    });
  }
}

/** A public address is one network's, and nobody else's private one either. Said at the later of the two. */
function checkPublic(inspector: Inspector, at: Path, { prefix, earlier }: Peered): void {
  for (const { network, path } of earlier) {
    const other = network.tenantPrefixes.find((each) => overlaps(each, prefix) && (each.isPublic || prefix.isPublic));
    if (other === undefined) continue;
    const line = inspector.lineOf([...path, "tenantPrefixes", network.tenantPrefixes.indexOf(other)]);
    const found = `${prefix.text}, which overlaps ${other.text} of ${network.name} (${line})`;
    inspector.report(at, { found, expected: "public addresses that no other network has" });
  }
}

interface Peered {
  readonly prefix: TenantPrefix;
  readonly network: Network;
  readonly earlier: readonly Placed[];
}

/** Said at the later of the two. Both have routes to one another, or network-routes.ts has said so. */
function checkPeers(inspector: Inspector, at: Path, { prefix, network, earlier }: Peered): void {
  const peers = new Set(network.routes.flatMap(({ via }) => (via.kind === "peer" ? [via.network] : [])));
  for (const { network: peer, path } of earlier) {
    const other = peer.tenantPrefixes.find((each) => overlaps(each, prefix));
    if (other === undefined || !peers.has(peer.name)) continue;
    const line = inspector.lineOf([...path, "tenantPrefixes", peer.tenantPrefixes.indexOf(other)]);
    const found = `${prefix.text}, which overlaps ${other.text} of ${peer.name} (${line}), which it has a route to`;
    inspector.report(at, { found, expected: "prefixes that no network has which it speaks to" });
  }
}
