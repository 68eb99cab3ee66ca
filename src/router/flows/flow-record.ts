/** Lines of the flow log: one JSON object each, whose keys stay (docs/watching.md). */
import { contains, formatIpv4, formatIpv6 } from "#base/address";
import { u16, u32 } from "#base/bytes";
import { isIpv6Host, OUTSIDE_TAGS } from "#policy/homes";
import { protocolName } from "#router/config/facts";
import type { Fabric, Network } from "#router/config/model";
import { SIZE as ETHERNET } from "#wire/ethernet";
import { headerLength } from "#wire/ipv4";
import { SIZE as IPV6 } from "#wire/ipv6";
import { hasPorts, PROTOCOL_FRAGMENT, PROTOCOL_ICMP6 } from "#wire/protocol";

/** `begin`, `end`: of a connection. `sample`: of a flow that is none, which passes; `refused`: by rules. */
export type FlowEvent = "begin" | "end" | "sample" | "refused";

export interface FlowEnds {
  /** As rules may name it, or a number. */
  readonly protocol: string;
  /** `blue/prod`, `outside`; null: an address of none of the fabric's networks. */
  readonly sourceNetwork: string | null;
  readonly sourceAddress: string;
  /** Null: it has none, or it cannot be seen. */
  readonly sourcePort: number | null;
  readonly destinationNetwork: string | null;
  readonly destinationAddress: string;
  readonly destinationPort: number | null;
}

/** In the order of the keys. */
export interface FlowRecord extends FlowEnds {
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly event: FlowEvent;
  readonly node: string;
  /** Whose log this is. */
  readonly tenant: string;
  readonly network: string;
  /** The VM here whose packets these are; null: it is gone. */
  readonly vm: string | null;
  /** Null: none that has a name. */
  readonly rule: string | null;
}

export interface FlowTotals {
  /** Of the end that sent the first packet, and of the other. Octets are those of IP. */
  readonly packets: number;
  readonly octets: number;
  readonly packetsBack: number;
  readonly octetsBack: number;
}

export interface ConnectionEndRecord extends FlowRecord, FlowTotals {
  readonly began: string;
  /** From the first packet to the last. */
  readonly seconds: number;
  /** The connection's last: `established`, `closed` … */
  readonly state: string;
}

export interface SampleRecord extends FlowRecord {
  /** One in so many is logged. */
  readonly sampling: number;
  /** Of `refused`: `no-rule`, `rule-denied`; else null. */
  readonly reason: string | null;
}

/** Which network's log a flow is in: the sender's, or else the receiver's; undefined: in none. */
export const logOf = (source: Network | undefined, destination: Network | undefined): Network | undefined =>
  [source, destination].find((network) => network?.flowLog !== undefined);

export const networkByTags = ({ networks }: Fabric, tags: number): Network | undefined =>
  networks.find((each) => each.tags === tags);

const nameOf = (fabric: Fabric, tags: number): string | null =>
  tags === OUTSIDE_TAGS ? "outside" : (networkByTags(fabric, tags)?.name ?? null);

/** An end as the connection table has it: 16 octets, of an IPv4 host 8 zeros before its tags. */
export function tableEnd(address: Uint8Array, fabric: Fabric): { network: string | null; address: string } {
  const isIpv4 = u32(address, 0) === 0 && u32(address, 4) === 0;
  return {
    network: nameOf(fabric, u32(address, 8)),
    address: isIpv4 ? formatIpv4(address, 12) : formatIpv6(address),
  };
}

export interface FlowNetworks {
  readonly networks: readonly [source: Network | undefined, destination: Network | undefined];
}

/** An IPv4 packet out of a VM tells no network: that is a matter of its routes. */
export interface Sender {
  readonly network: Network;
  /** Whose address it is to this network. */
  readonly networkOf: (ipv4: Uint8Array) => Network | "outside" | undefined;
}

/** Of a frame's head as a forwarder shows it; undefined: it is cut off. `from`: the VM that it is from, if it is from one. */
export function endsOf(b: Uint8Array, from: Sender | undefined, fabric: Fabric): (FlowEnds & FlowNetworks) | undefined {
  if (b.length < ETHERNET + 20) return undefined;
  return b[ETHERNET]! >> 4 === 6 ? ends6(b, from, fabric) : ends4(b, from);
}

function ends4(b: Uint8Array, from: Sender | undefined): FlowEnds & FlowNetworks {
  const to = b.subarray(ETHERNET + 16, ETHERNET + 20);
  const destination = from?.networkOf(to);
  const isLater = (u16(b, ETHERNET + 6) & 0x1fff) !== 0;
  const transport = isLater ? undefined : ETHERNET + headerLength(b, ETHERNET);
  const name = destination === "outside" ? destination : (destination?.name ?? null);
  return {
    ...transportEnds(b, { protocol: b[ETHERNET + 9]!, transport }, [
      { network: from?.network.name ?? null, address: formatIpv4(b, ETHERNET + 12) },
      { network: name, address: formatIpv4(to) },
    ]),
    networks: [from?.network, destination === "outside" ? undefined : destination],
  };
}

function ends6(b: Uint8Array, from: Sender | undefined, fabric: Fabric): (FlowEnds & FlowNetworks) | undefined {
  if (b.length < ETHERNET + IPV6) return undefined;
  const end = (at: number): End & { readonly of: Network | undefined } => {
    const tags = u32(b, at + 8);
    if (!fabric.prefixes.some((prefix) => contains(prefix, b.subarray(at, at + 16))))
      return foreign(b, at, from, fabric);
    const address = isIpv6Host(u32(b, at + 12)) ? formatIpv6(b, at) : formatIpv4(b, at + 12);
    return { network: nameOf(fabric, tags), address, of: networkByTags(fabric, tags) };
  };
  const [source, destination] = [end(ETHERNET + 8), end(ETHERNET + 24)];
  const next = b[ETHERNET + 6]!;
  const isFragment = next === PROTOCOL_FRAGMENT && b.length >= ETHERNET + IPV6 + 8;
  const isLater = isFragment && (u16(b, ETHERNET + IPV6 + 2) & 0xfff8) !== 0;
  const protocol = isFragment ? b[ETHERNET + IPV6]! : next;
  const transport = isLater ? undefined : ETHERNET + IPV6 + (isFragment ? 8 : 0);
  return { ...transportEnds(b, { protocol, transport }, [source, destination]), networks: [source.of, destination.of] };
}

interface End {
  readonly network: string | null;
  readonly address: string;
}

interface Transport {
  readonly protocol: number;
  /** Offset of its header; undefined: a later fragment. */
  readonly transport: number | undefined;
}

function transportEnds(b: Uint8Array, { protocol, transport }: Transport, [source, destination]: [End, End]): FlowEnds {
  const isSeen = transport !== undefined && hasPorts(protocol) && b.length >= transport + 4;
  return flowEnds(protocol, [
    { ...source, port: isSeen ? u16(b, transport) : null },
    { ...destination, port: isSeen ? u16(b, transport + 2) : null },
  ]);
}

/** In the order of the log's keys. */
export const flowEnds = (
  protocol: number,
  [source, destination]: readonly [End & { port: number | null }, End & { port: number | null }],
): FlowEnds => ({
  protocol: protocol === PROTOCOL_ICMP6 ? "icmp6" : protocolName(protocol),
  sourceNetwork: source.network,
  sourceAddress: source.address,
  sourcePort: source.port,
  destinationNetwork: destination.network,
  destinationAddress: destination.address,
  destinationPort: destination.port,
});

/** An IPv6 address that is not the fabric's: what a tenant brought, if it is known whose, or an outside host's. */
function foreign(
  b: Uint8Array,
  at: number,
  from: Sender | undefined,
  { networks, outside }: Fabric,
): { network: string | null; address: string; of: Network | undefined } {
  const octets = b.subarray(at, at + 16);
  const of = networks.find((network) =>
    network.tenantPrefixes.some(
      (prefix) => (prefix.isPublic || network.name === from?.network.name) && contains(prefix, octets),
    ),
  );
  const isOutside = of === undefined && outside?.ipv6.some((prefix) => contains(prefix, octets)) === true;
  return { network: of?.name ?? (isOutside ? "outside" : null), address: formatIpv6(b, at), of };
}
