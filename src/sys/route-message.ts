/** Addresses, routes and neighbours as rtnetlink requests (IFA, RTA and NDA attributes). */
import type { RequestWriter } from "#sys/netlink";

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_FLAGS = 8;
const IFA_F_NODAD = 0x02;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_MULTIPATH = 9;
const RTN_UNICAST = 1;
const RTN_BLACKHOLE = 6;
const RTPROT_STATIC = 4;
const RT_TABLE_MAIN = 254;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RTNH_F_ONLINK = 4;
const NDA_DST = 1;
const NDA_LLADDR = 2;
const NUD_PERMANENT = 0x80;
const AF_INET = 2;
const AF_INET6 = 10;

export interface Address {
  /** 4 or 16 octets. */
  readonly address: Uint8Array;
  readonly prefixLength: number;
}

export interface NextHop {
  /** 4 or 16 octets; absent: the destination is on the link. */
  readonly gateway?: Uint8Array;
  readonly index: number;
  /** The gateway need not be inside a prefix of the interface (a /32 host's gateway). */
  readonly onLink?: boolean;
}

export interface Route {
  /** All zeros and prefix length 0: default. */
  readonly destination: Address;
  /** One: a plain route. Several: multipath. None: blackhole. */
  readonly nextHops: readonly NextHop[];
  readonly metric?: number;
}

const family = (address: Uint8Array): number => (address.length === 4 ? AF_INET : AF_INET6);

/** struct ifaddrmsg: family, prefix length, flags, scope u8, ifindex u32. */
export function writeAddress(r: RequestWriter, index: number, { address, prefixLength }: Address): void {
  r.u8(family(address)).u8(prefixLength).u8(0).u8(RT_SCOPE_UNIVERSE).u32(index);
  r.attribute(IFA_LOCAL, address).attribute(IFA_ADDRESS, address);
  if (address.length === 16) r.attribute32(IFA_FLAGS, IFA_F_NODAD);
}

/** struct ndmsg: family u8 and padding, ifindex u32, state u16, flags u8, type u8. */
export function writeNeighbor(r: RequestWriter, index: number, address: Uint8Array, mac: Uint8Array): void {
  r.u32(family(address)).u32(index).u16(NUD_PERMANENT).u8(0).u8(RTN_UNICAST);
  r.attribute(NDA_DST, address).attribute(NDA_LLADDR, mac);
}

/** struct rtmsg: family, destination and source prefix length, tos, table, protocol, scope, type u8, flags u32. */
export function writeRoute(r: RequestWriter, { destination, nextHops, metric }: Route): void {
  const [only, ...others] = nextHops;
  const onLink = destination.address.length === 4 && nextHops.every((hop) => hop.gateway === undefined);
  r.u8(family(destination.address)).u8(destination.prefixLength).u8(0).u8(0);
  r.u8(RT_TABLE_MAIN).u8(RTPROT_STATIC);
  r.u8(onLink && only !== undefined ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE);
  r.u8(only === undefined ? RTN_BLACKHOLE : RTN_UNICAST);
  r.u32(only?.onLink && others.length === 0 ? RTNH_F_ONLINK : 0);
  if (destination.prefixLength > 0) r.attribute(RTA_DST, destination.address);
  if (metric !== undefined) r.attribute32(RTA_PRIORITY, metric);
  if (only === undefined) return;
  if (others.length === 0) {
    writeGateway(r.attribute32(RTA_OIF, only.index), only);
  } else {
    r.nest(RTA_MULTIPATH, (group) => {
      for (const hop of nextHops) writeNextHop(group, hop);
    });
  }
}

/** struct rtnexthop: length u16 (by record), flags u8, weight − 1 u8, ifindex i32; attributes. */
function writeNextHop(group: RequestWriter, hop: NextHop): void {
  group.record((r) => {
    r.u8(hop.onLink ? RTNH_F_ONLINK : 0)
      .u8(0)
      .u32(hop.index);
    writeGateway(r, hop);
  });
}

function writeGateway(r: RequestWriter, hop: NextHop): void {
  if (hop.gateway !== undefined) r.attribute(RTA_GATEWAY, hop.gateway);
}
