/** A packet's flow in words, as a tenant knows it: `tcp blue/prod 10.0.0.2:40000 > red/prod 10.9.0.3:80`. */
import { contains, formatIpv4, formatIpv6 } from "#base/address";
import { u16, u32 } from "#base/bytes";
import { isIpv6Host, OUTSIDE_TAGS } from "#policy/homes";
import { protocolName } from "#router/config/facts";
import type { Fabric } from "#router/config/model";
import * as ethernet from "#wire/ethernet";
import * as ipv4 from "#wire/ipv4";
import * as ipv6 from "#wire/ipv6";
import { hasPorts, PROTOCOL_FRAGMENT, PROTOCOL_ICMP4, PROTOCOL_ICMP6 } from "#wire/protocol";

/** Of a frame that a forwarder has classified, whose tail may be missing. */
export function flowText(frame: Uint8Array, fabric: Fabric): string {
  const at = ethernet.SIZE;
  if (frame.length >= at + ipv6.SIZE && frame[at]! >> 4 === 6) return flow6(frame, at, fabric);
  if (frame.length >= at + 20 && frame[at]! >> 4 === 4) return flow4(frame, at);
  return "a packet that is cut off";
}

interface Transport {
  readonly protocol: number;
  /** Undefined: a later fragment. */
  readonly at: number | undefined;
}

function flow4(b: Uint8Array, at: number): string {
  const isLater = (u16(b, at + 6) & 0x1fff) !== 0;
  const transport = { protocol: b[at + 9]!, at: isLater ? undefined : at + ipv4.headerLength(b, at) };
  return text(b, transport, [formatIpv4(b, at + 12), formatIpv4(b, at + 16)]);
}

function flow6(b: Uint8Array, at: number, fabric: Fabric): string {
  const ends = [endText(b, at + 8, fabric), endText(b, at + 24, fabric)] as const;
  let transport = at + 40;
  let protocol = b[at + 6]!;
  // Headers before the transport's, as far as they are there (RFC 8200 §4).
  while (EXTENSIONS.includes(protocol) && b.length >= transport + 8) {
    const isFragment = protocol === PROTOCOL_FRAGMENT;
    const isLater = isFragment && (u16(b, transport + 2) & 0xfff8) !== 0;
    protocol = b[transport]!;
    transport += isFragment ? 8 : (b[transport + 1]! + 1) * 8;
    if (isLater) return text(b, { protocol, at: undefined }, ends);
  }
  return text(b, { protocol, at: transport }, ends);
}

/** Hop-by-hop options, routing, fragment, destination options. */
const EXTENSIONS: readonly number[] = [0, 43, PROTOCOL_FRAGMENT, 60];

/** A network address by its network and IPv4 address; of an IPv6 host it is the VM's own. Others, groups too, have no tags. */
function endText(b: Uint8Array, at: number, { networks, prefixes }: Fabric): string {
  const tags = u32(b, at + 8);
  const address = b.subarray(at, at + 16);
  if (!prefixes.some((prefix) => contains(prefix, address))) return formatIpv6(b, at);
  if (tags === OUTSIDE_TAGS) return `outside ${formatIpv4(b, at + 12)}`;
  const network = networks.find((each) => each.tags === tags);
  if (network === undefined) return formatIpv6(b, at);
  return `${network.name} ${isIpv6Host(u32(b, at + 12)) ? formatIpv6(b, at) : formatIpv4(b, at + 12)}`;
}

function text(b: Uint8Array, { protocol, at }: Transport, [source, destination]: readonly [string, string]): string {
  const name = protocol === PROTOCOL_ICMP6 ? "icmp6" : protocolName(protocol);
  if (at === undefined) return `${name} ${source} > ${destination}, a later fragment`;
  if (hasPorts(protocol) && b.length >= at + 4)
    return `${name} ${withPort(source, u16(b, at))} > ${withPort(destination, u16(b, at + 2))}`;
  const isIcmp = protocol === PROTOCOL_ICMP4 || protocol === PROTOCOL_ICMP6;
  const type = isIcmp && b.length >= at + 2 ? ` type ${b[at]} code ${b[at + 1]}` : "";
  return `${name} ${source} > ${destination}${type}`;
}

/** An IPv6 address, which may have its network before it, in brackets (RFC 5952 §6). */
const withPort = (end: string, port: number): string =>
  end.includes(":") ? `${end.replace(/[0-9a-f:]+$/, "[$&]")}:${port}` : `${end}:${port}`;
