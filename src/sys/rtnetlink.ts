/**
 * Interfaces, addresses, routes and neighbours of a network namespace, by rtnetlink(7) instead of by running `ip`.
 * All calls wait for the kernel's verdict; a refusal is a SysError that names the operation and the interface.
 */
import { ENODEV, SysError } from "#sys/errno";
import {
  type Attributes,
  attributeText,
  attributeU32,
  type NetlinkMessage,
  NetlinkSocket,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  type RequestWriter,
  readAttributes,
} from "#sys/netlink";

const NETLINK_ROUTE = 0;
const AF_UNSPEC = 0;
const AF_BRIDGE = 7;
const AF_INET = 2;
const AF_INET6 = 10;

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTM_NEWNEIGH = 28;

const RTMGRP_LINK = 1;

const IFF_UP = 0x1;
const IFF_RUNNING = 0x40;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_TXQLEN = 13;
const IFLA_AF_SPEC = 26;
const IFLA_NET_NS_FD = 28;
const IFLA_NUM_TX_QUEUES = 31;
const IFLA_NUM_RX_QUEUES = 32;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;
const IFLA_INET6_ADDR_GEN_MODE = 8;
const IN6_ADDR_GEN_MODE_NONE = 1;

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

const IFINFO = 16; // struct ifinfomsg
/** Longest interface name the kernel takes, octets. */
export const NAME_MAX = 15;

export interface Link {
  /** ifindex, 1 … 2^31−1; unique in its namespace. */
  readonly index: number;
  readonly name: string;
  /** Hardware address, 6 octets for Ethernet; empty when the kind has none. */
  readonly mac: Uint8Array;
  readonly mtu: number;
  /** Switched on by its administrator. */
  readonly up: boolean;
  /** Up, and with carrier. */
  readonly running: boolean;
  /** ifindex of the bridge it belongs to. */
  readonly master: number | undefined;
  /** ifindex of the veth peer in *its* namespace. */
  readonly peer: number | undefined;
  /** "veth", "tun", "bridge" …; undefined for hardware and loopback. */
  readonly kind: string | undefined;
}

/** What to change about a link; what is left out stays. */
export interface LinkSettings {
  readonly up?: boolean;
  readonly mtu?: number;
  readonly mac?: Uint8Array;
  readonly name?: string;
  /** Packets. */
  readonly transmitQueueLength?: number;
  /** ifindex of a bridge; 0: leaves it. */
  readonly master?: number;
  /** Descriptor of a namespace to move into (see openNamespace). Addresses and routes are lost on the way. */
  readonly namespaceFd?: number;
  /** false: the kernel gives the interface no IPv6 link-local address of its own. */
  readonly generateLinkLocal?: boolean;
}

export interface VethSettings {
  readonly name: string;
  readonly peerName: string;
  readonly peerNamespaceFd?: number;
  readonly mac?: Uint8Array;
  readonly peerMac?: Uint8Array;
  readonly mtu?: number;
  /** Queues in both directions, ≥ 1. */
  readonly queues?: number;
}

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

export type LinkNotice =
  | { readonly kind: "changed"; readonly link: Link }
  | { readonly kind: "gone"; readonly link: Link };

const family = (address: Uint8Array): number => (address.length === 4 ? AF_INET : AF_INET6);

export class Rtnetlink {
  readonly #socket: NetlinkSocket;

  /** @param namespace name or path; undefined: the calling thread's. */
  constructor(namespace?: string) {
    this.#socket = new NetlinkSocket(NETLINK_ROUTE, 0, namespace);
  }

  links(): Link[] {
    return this.#socket.dump(RTM_GETLINK, "list links", (r) => linkHeader(r, 0)).map(readLink);
  }

  /** @returns undefined when there is no such interface. */
  link(name: string): Link | undefined {
    if (name.length > NAME_MAX) return undefined;
    try {
      const answer = this.#socket.request(RTM_GETLINK, 0, `get link ${name}`, (r) =>
        linkHeader(r, 0).attributeString(IFLA_IFNAME, name),
      );
      return answer[0] === undefined ? undefined : readLink(answer[0]);
    } catch (error) {
      if (error instanceof SysError && error.errno === ENODEV) return undefined;
      throw error;
    }
  }

  /** Like {@link link}, for an interface that has to be there. */
  requireLink(name: string): Link {
    const link = this.link(name);
    if (link === undefined) throw new SysError("get link", ENODEV, name);
    return link;
  }

  addVeth(settings: VethSettings): void {
    const { name, peerName, mtu, queues } = settings;
    this.#createLink("veth", `add veth ${name} – ${peerName}`, name, (r) => {
      writeLinkAttributes(r, mtu, settings.mac, queues);
      return (data) =>
        data.nest(VETH_INFO_PEER, (peer) => {
          linkHeader(peer, 0).attributeString(IFLA_IFNAME, peerName);
          writeLinkAttributes(peer, mtu, settings.peerMac, queues);
          if (settings.peerNamespaceFd !== undefined) peer.attribute32(IFLA_NET_NS_FD, settings.peerNamespaceFd);
        });
    });
  }

  addBridge(name: string): void {
    this.#createLink("bridge", `add bridge ${name}`, name, () => undefined);
  }

  /** @param about the interface's name, for the error. */
  changeLink(index: number, settings: LinkSettings, about = `#${index}`): void {
    this.#socket.request(RTM_NEWLINK, 0, `set link ${about} ${Object.keys(settings).join(", ")}`, (r) => {
      writeSettings(linkHeader(r, index, settings.up), settings);
    });
    if (settings.generateLinkLocal !== undefined) this.#setAddressGeneration(index, settings.generateLinkLocal, about);
  }

  deleteLink(index: number, about = `#${index}`): void {
    this.#socket.request(RTM_DELLINK, 0, `delete link ${about}`, (r) => linkHeader(r, index));
  }

  /** IPv6 addresses are usable at once: no duplicate address detection. */
  addAddress(index: number, address: Address): void {
    this.#changeAddress(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index, address);
  }

  deleteAddress(index: number, address: Address): void {
    this.#changeAddress(RTM_DELADDR, 0, index, address);
  }

  /** Adds the route, or replaces the one to the same destination with the same metric. */
  setRoute(route: Route): void {
    this.#changeRoute(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, "set", route);
  }

  deleteRoute(route: Route): void {
    this.#changeRoute(RTM_DELROUTE, 0, "delete", route);
  }

  /** A permanent neighbour entry: `address` (4 or 16 octets) is at `mac`. */
  setNeighbor(index: number, address: Uint8Array, mac: Uint8Array): void {
    this.#socket.request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, `set neighbour on #${index}`, (r) => {
      r.u32(family(address)).u32(index).u16(NUD_PERMANENT).u8(0).u8(RTN_UNICAST); // struct ndmsg
      r.attribute(NDA_DST, address).attribute(NDA_LLADDR, mac);
    });
  }

  close(): void {
    this.#socket.close();
  }

  #createLink(
    kind: string,
    about: string,
    name: string,
    write: (r: RequestWriter) => ((data: RequestWriter) => void) | undefined,
  ): void {
    this.#socket.request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, about, (r) => {
      const writeData = write(linkHeader(r, 0).attributeString(IFLA_IFNAME, name));
      r.nest(IFLA_LINKINFO, (info) => {
        info.attributeString(IFLA_INFO_KIND, kind);
        if (writeData !== undefined) info.nest(IFLA_INFO_DATA, writeData);
      });
    });
  }

  #setAddressGeneration(index: number, on: boolean, about: string): void {
    this.#socket.request(RTM_NEWLINK, 0, `set link ${about} addrgenmode`, (r) => {
      linkHeader(r, index).nest(IFLA_AF_SPEC, (spec) => {
        spec.nest(AF_INET6, (v6) => v6.attribute8(IFLA_INET6_ADDR_GEN_MODE, on ? 0 : IN6_ADDR_GEN_MODE_NONE));
      });
    });
  }

  #changeAddress(type: number, flags: number, index: number, { address, prefixLength }: Address): void {
    const verb = type === RTM_NEWADDR ? "add" : "delete";
    this.#socket.request(type, flags, `${verb} address on #${index}`, (r) => {
      r.u8(family(address)).u8(prefixLength).u8(0).u8(RT_SCOPE_UNIVERSE).u32(index); // struct ifaddrmsg
      r.attribute(IFA_LOCAL, address).attribute(IFA_ADDRESS, address);
      if (address.length === 16) r.attribute32(IFA_FLAGS, IFA_F_NODAD);
    });
  }

  #changeRoute(type: number, flags: number, verb: string, route: Route): void {
    const { destination, nextHops, metric } = route;
    const direct = destination.address.length === 4 && nextHops.every((hop) => hop.gateway === undefined);
    this.#socket.request(type, flags, `${verb} route`, (r) => {
      // struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags
      r.u8(family(destination.address)).u8(destination.prefixLength).u8(0).u8(0);
      r.u8(RT_TABLE_MAIN).u8(RTPROT_STATIC);
      r.u8(direct && nextHops.length > 0 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE);
      r.u8(nextHops.length === 0 ? RTN_BLACKHOLE : RTN_UNICAST);
      const [only, ...others] = nextHops;
      r.u32(only?.onLink && others.length === 0 ? RTNH_F_ONLINK : 0);
      if (destination.prefixLength > 0) r.attribute(RTA_DST, destination.address);
      if (metric !== undefined) r.attribute32(RTA_PRIORITY, metric);
      if (only === undefined) return;
      if (others.length === 0) return writeGateway(r.attribute32(RTA_OIF, only.index), only);
      r.nest(RTA_MULTIPATH, (group) => {
        for (const hop of nextHops) writeNextHop(group, hop);
      });
    });
  }
}

/** Tells of interfaces that come, change and go. Poll {@link fd} for input. */
export class LinkMonitor {
  readonly #socket: NetlinkSocket;

  constructor(namespace?: string) {
    this.#socket = new NetlinkSocket(NETLINK_ROUTE, RTMGRP_LINK, namespace);
  }

  get fd(): number {
    return this.#socket.fd;
  }

  /** What has come; never waits. undefined: some were lost, list all links anew. */
  notices(): LinkNotice[] | undefined {
    return this.#socket
      .notices()
      ?.filter(({ type, body }) => (type === RTM_NEWLINK || type === RTM_DELLINK) && body[0] !== AF_BRIDGE)
      .map((message) => ({ kind: message.type === RTM_NEWLINK ? "changed" : "gone", link: readLink(message) }));
  }

  close(): void {
    this.#socket.close();
  }
}

/** struct ifinfomsg: family u8, pad u8, type u16, index i32, flags u32, change mask u32. */
function linkHeader(r: RequestWriter, index: number, up?: boolean): RequestWriter {
  return r
    .u8(AF_UNSPEC)
    .u8(0)
    .u16(0)
    .u32(index)
    .u32(up ? IFF_UP : 0)
    .u32(up === undefined ? 0 : IFF_UP);
}

function writeLinkAttributes(r: RequestWriter, mtu?: number, mac?: Uint8Array, queues?: number): void {
  if (mtu !== undefined) r.attribute32(IFLA_MTU, mtu);
  if (mac !== undefined) r.attribute(IFLA_ADDRESS, mac);
  if (queues !== undefined) r.attribute32(IFLA_NUM_TX_QUEUES, queues).attribute32(IFLA_NUM_RX_QUEUES, queues);
}

function writeSettings(r: RequestWriter, settings: LinkSettings): void {
  writeLinkAttributes(r, settings.mtu, settings.mac);
  if (settings.name !== undefined) r.attributeString(IFLA_IFNAME, settings.name);
  if (settings.transmitQueueLength !== undefined) r.attribute32(IFLA_TXQLEN, settings.transmitQueueLength);
  if (settings.master !== undefined) r.attribute32(IFLA_MASTER, settings.master);
  if (settings.namespaceFd !== undefined) r.attribute32(IFLA_NET_NS_FD, settings.namespaceFd);
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

function readLink({ body }: NetlinkMessage): Link {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const attributes = readAttributes(body, IFINFO);
  const flags = view.getUint32(8, true);
  const kind = linkKind(attributes);
  return {
    index: view.getInt32(4, true),
    name: attributeText(attributes, IFLA_IFNAME) ?? "",
    mac: attributes.get(IFLA_ADDRESS) ?? new Uint8Array(0),
    mtu: attributeU32(attributes, IFLA_MTU) ?? 0,
    up: (flags & IFF_UP) !== 0,
    running: (flags & IFF_RUNNING) !== 0,
    master: attributeU32(attributes, IFLA_MASTER),
    peer: kind === "veth" ? attributeU32(attributes, IFLA_LINK) : undefined,
    kind,
  };
}

function linkKind(attributes: Attributes): string | undefined {
  const info = attributes.get(IFLA_LINKINFO);
  return info === undefined ? undefined : attributeText(readAttributes(info, 0), IFLA_INFO_KIND);
}
