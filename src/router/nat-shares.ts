/**
 * How a gateway's NAT addresses and ports are shared out: what tenants have for themselves, and what is left for all others.
 * Every block of ports is in one share.
 */
import { contains } from "#base/address";
import type { NatRange, NatShare } from "#fastpath/tables/nat-layout";
import type { Fabric, OutsideLink, OutsideShare } from "#router/config/model";
import { addressesOf } from "#router/config/outside-link";

/** The ports before are for servers, which the NAT has none of (RFC 6335 §6). */
const FIRST_PORT = 1024;
const PORTS = 65536;

/** Of the tenants that no share names: what no share has. It is the first. */
export const COMMON_SHARE = 0;

/** In the order of the file, the common one before them. A range's `address` is its index among the pool's addresses. */
export function natShares(link: OutsideLink): NatShare[] {
  const own = link.shares.map((share) => rangesOf(link, share));
  const common: NatShare = {
    ranges: link.pool.flatMap(addressesOf).flatMap((_, address) => gaps(link, address, own.flat())),
    blocksEach: link.portsPerVm / link.portBlock,
  };
  return [common, ...own.map((ranges, i) => ({ ranges, blocksEach: link.shares[i]!.portsPerVm / link.portBlock }))];
}

/** The first port that the NAT gives: a block's first. */
const firstPortOf = ({ portBlock }: OutsideLink): number => Math.max(FIRST_PORT, portBlock);

function rangesOf(link: OutsideLink, { pool, ports }: OutsideShare): NatRange[] {
  const firstPort = ports?.first ?? firstPortOf(link);
  const count = (ports?.last ?? PORTS - 1) + 1 - firstPort;
  return link.pool
    .flatMap(addressesOf)
    .flatMap((address, i) =>
      pool.some((prefix) => contains(prefix, address)) ? [{ address: i, firstPort, ports: count }] : [],
    );
}

/** What of an address's ports none of the ranges has. */
function gaps(link: OutsideLink, address: number, taken: readonly NatRange[]): NatRange[] {
  const found: NatRange[] = [];
  let from = firstPortOf(link);
  const here = taken.filter((range) => range.address === address).sort((a, b) => a.firstPort - b.firstPort);
  for (const { firstPort, ports } of [...here, { firstPort: PORTS, ports: 0 }]) {
    if (firstPort > from) found.push({ address, firstPort: from, ports: firstPort - from });
    from = firstPort + ports;
  }
  return found;
}

/** The share of each network whose tenant has one of its own. */
export const sharesOf = ({ shares }: OutsideLink, { networks }: Fabric): { tags: number; share: number }[] =>
  networks.flatMap(({ name, tags }) => {
    const index = shares.findIndex(({ tenants }) => tenants.includes(name.split("/")[0]!));
    return index < 0 ? [] : [{ tags, share: index + 1 }];
  });
