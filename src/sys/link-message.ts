/** What rtnetlink says about an interface (struct ifinfomsg and IFLA attributes), and how changes are put to it. */
import {
  type Attributes,
  attributeText,
  attributeU32,
  type NetlinkMessage,
  type RequestWriter,
  readAttributes,
} from "#sys/netlink";

const AF_INET6 = 10;
const AF_BRIDGE = 7;
const AF_UNSPEC = 0;
const IFF_UP = 0x1;
const IFF_RUNNING = 0x40;
const IFLA_ADDRESS = 1;
export const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_PROTINFO = 12;
const IFLA_TXQLEN = 13;
const IFLA_LINKINFO = 18;
const IFLA_STATS64 = 23;
const IFLA_NET_NS_FD = 28;
const IFLA_NUM_TX_QUEUES = 31;
const IFLA_NUM_RX_QUEUES = 32;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_INFO_SLAVE_DATA = 5;
const VETH_INFO_PEER = 1;
const IFLA_BRPORT_LEARNING = 8;
const IFLA_BRPORT_UNICAST_FLOOD = 9;
const IFLA_BRPORT_MCAST_FLOOD = 27;
const IFLA_BRPORT_BCAST_FLOOD = 30;
const IFLA_BRPORT_ISOLATED = 33;
const IFLA_BRPORT_LOCKED = 39;
const IFINFO = 16; // struct ifinfomsg
/** struct rtnl_link_stats64: packets, octets, errors, dropped; each received, then sent; u64. */
const STATS_RX_DROPPED = 6 * 8;
const STATS_TX_DROPPED = 7 * 8;
const IFLA_AF_SPEC = 26;
const IFLA_INET6_ADDR_GEN_MODE = 8;
const IN6_ADDR_GEN_MODE_NONE = 1;
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
  /** As a port of that bridge: it takes frames in. */
  readonly open: boolean;
  /** ifindex of the veth peer in *its* namespace. */
  readonly peer: number | undefined;
  /** "veth", "tun", "bridge" …; undefined for hardware and loopback. */
  readonly kind: string | undefined;
  /** Frames that the kernel dropped since the interface was made: as they came in, on their way out. */
  readonly receiveDrops: number;
  readonly transmitDrops: number;
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

/** What to change about a port of a bridge that learns no addresses; what is left out stays. */
export interface BridgePortSettings {
  /**
   * False: it takes no frame in and none is sent out of it. Unlike a port's state this outlasts the loss of its carrier,
   * and leaves the bridge's own carrier alone.
   */
  readonly open?: boolean;
  /** Whether the bridge learns from it who is behind it. */
  readonly learns?: boolean;
  /** It exchanges no frames with other ports that are so. */
  readonly isolated?: boolean;
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

/** struct ifinfomsg: family u8, pad u8, type u16, index i32, flags u32, change mask u32. */
export function linkHeader(r: RequestWriter, index: number, up?: boolean, family = AF_UNSPEC): RequestWriter {
  return r
    .u8(family)
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

export function writeSettings(r: RequestWriter, settings: LinkSettings): void {
  writeLinkAttributes(r, settings.mtu, settings.mac);
  if (settings.name !== undefined) r.attributeString(IFLA_IFNAME, settings.name);
  if (settings.transmitQueueLength !== undefined) r.attribute32(IFLA_TXQLEN, settings.transmitQueueLength);
  if (settings.master !== undefined) r.attribute32(IFLA_MASTER, settings.master);
  if (settings.namespaceFd !== undefined) r.attribute32(IFLA_NET_NS_FD, settings.namespaceFd);
}

/** What sort of link to make, `kind`, with what only this kind has. */
export function writeKind(r: RequestWriter, kind: string, writeData?: (data: RequestWriter) => void): void {
  r.nest(IFLA_LINKINFO, (info) => {
    info.attributeString(IFLA_INFO_KIND, kind);
    if (writeData !== undefined) info.nest(IFLA_INFO_DATA, writeData);
  });
}

/** A veth pair: this end's attributes follow its name, the other's are nested in the kind's data. */
export function writeVeth(r: RequestWriter, settings: VethSettings): void {
  const { peerName, peerNamespaceFd, mtu, queues } = settings;
  writeLinkAttributes(r, mtu, settings.mac, queues);
  writeKind(r, "veth", (data) => {
    data.nest(VETH_INFO_PEER, (peer) => {
      linkHeader(peer, 0).attributeString(IFLA_IFNAME, peerName);
      writeLinkAttributes(peer, mtu, settings.peerMac, queues);
      if (peerNamespaceFd !== undefined) peer.attribute32(IFLA_NET_NS_FD, peerNamespaceFd);
    });
  });
}

export function writeBridgePort(r: RequestWriter, index: number, settings: BridgePortSettings): void {
  const { open, learns, isolated } = settings;
  linkHeader(r, index, undefined, AF_BRIDGE).nest(IFLA_PROTINFO, (port) => {
    const say = (type: number, isOn: boolean | undefined): void => {
      if (isOn !== undefined) port.attribute8(type, isOn ? 1 : 0);
    };
    say(IFLA_BRPORT_LEARNING, learns);
    say(IFLA_BRPORT_ISOLATED, isolated);
    for (const kind of [IFLA_BRPORT_UNICAST_FLOOD, IFLA_BRPORT_MCAST_FLOOD, IFLA_BRPORT_BCAST_FLOOD]) say(kind, open);
    say(IFLA_BRPORT_LOCKED, open === undefined ? undefined : !open);
  });
}

/** Whether the kernel gives the interface an IPv6 link-local address. */
export function writeAddressGeneration(r: RequestWriter, on: boolean): void {
  r.nest(IFLA_AF_SPEC, (spec) => {
    spec.nest(AF_INET6, (v6) => v6.attribute8(IFLA_INET6_ADDR_GEN_MODE, on ? 0 : IN6_ADDR_GEN_MODE_NONE));
  });
}

export function readLink({ body }: NetlinkMessage): Link {
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
    open: isOpen(attributes),
    peer: kind === "veth" ? attributeU32(attributes, IFLA_LINK) : undefined,
    kind,
    receiveDrops: statistic(attributes, STATS_RX_DROPPED),
    transmitDrops: statistic(attributes, STATS_TX_DROPPED),
  };
}

function statistic(attributes: Attributes, at: number): number {
  const value = attributes.get(IFLA_STATS64);
  if (value === undefined || value.length < at + 8) return 0;
  return Number(new DataView(value.buffer, value.byteOffset).getBigUint64(at, true));
}

function isOpen(attributes: Attributes): boolean {
  const info = attributes.get(IFLA_LINKINFO);
  const port = info && readAttributes(info, 0).get(IFLA_INFO_SLAVE_DATA);
  return port !== undefined && readAttributes(port, 0).get(IFLA_BRPORT_LOCKED)?.[0] !== 1;
}

function linkKind(attributes: Attributes): string | undefined {
  const info = attributes.get(IFLA_LINKINFO);
  return info === undefined ? undefined : attributeText(readAttributes(info, 0), IFLA_INFO_KIND);
}
