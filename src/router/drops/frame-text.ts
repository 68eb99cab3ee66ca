/** A frame in a line, as far as its head tells: who to whom, protocol, ports, networks, length, MAC addresses. */
import { formatIpv4, formatIpv6, formatMac } from "#base/address";
import { toHex, u16, u32 } from "#base/bytes";
import type { Fabric } from "#router/config/model";
import { flowText } from "#router/flow-text";
import * as ethernet from "#wire/ethernet";
import * as ipv4 from "#wire/ipv4";
import * as ipv6 from "#wire/ipv6";
import { PROTOCOL_GRE } from "#wire/protocol";

const ETHERTYPE_RARP = 0x8035;
/** Octets of an ARP packet of Ethernet and IPv4 (RFC 826). */
const ARP = 28;
/** Octets of a GRE header with a key and nothing else (RFC 2890 §2). */
const GRE = 8;

/** `frame`: from the Ethernet header on; its tail may be missing. */
export function frameText(frame: Uint8Array, fabric: Fabric): string {
  if (frame.length < ethernet.SIZE) return `${frame.length} octets: ${toHex(frame) || "nothing"}`;
  const macs = `${formatMac(ethernet.source(frame, 0))} > ${formatMac(ethernet.destination(frame, 0))}`;
  return `${packetText(frame, fabric)}, ${macs}`;
}

function packetText(frame: Uint8Array, fabric: Fabric): string {
  const type = ethernet.etherType(frame, 0);
  switch (type) {
    case ethernet.ETHERTYPE_ARP:
      return arpText(frame, ethernet.SIZE);
    case ETHERTYPE_RARP:
      return "rarp";
    case ethernet.ETHERTYPE_IPV4:
      return isIpv4(frame) ? `${flowText(frame, fabric)}, ${u16(frame, 16)} octets` : "ipv4, a broken header";
    case ethernet.ETHERTYPE_IPV6:
      return isIpv6(frame) ? ipv6Text(frame, fabric) : "ipv6, a broken header";
    default:
      return `ethertype ${type.toString(16).padStart(4, "0")}`;
  }
}

const isIpv4 = (b: Uint8Array): boolean =>
  b.length >= ethernet.SIZE + 20 && b[ethernet.SIZE]! >> 4 === 4 && ipv4.headerLength(b, ethernet.SIZE) >= 20;
const isIpv6 = (b: Uint8Array): boolean => b.length >= ethernet.SIZE + ipv6.SIZE && b[ethernet.SIZE]! >> 4 === 6;

function arpText(b: Uint8Array, at: number): string {
  if (b.length < at + ARP) return "arp, cut off";
  const [sender, target] = [formatIpv4(b, at + 14), formatIpv4(b, at + 24)];
  return u16(b, at + 6) === 1 ? `arp who has ${target} tell ${sender}` : `arp ${sender} is at ${formatMac(b, at + 8)}`;
}

function ipv6Text(b: Uint8Array, fabric: Fabric): string {
  const octets = `${ipv6.SIZE + ipv6.payloadLength(b, ethernet.SIZE)} octets`;
  const inner = ethernet.SIZE + ipv6.SIZE + GRE;
  if (b[ethernet.SIZE + 6] !== PROTOCOL_GRE || b.length < inner + ipv6.SIZE || b[inner]! >> 4 !== 6)
    return `${flowText(b, fabric)}, ${octets}`;
  const ends = [8, 24].map((at) => formatIpv6(b, ethernet.SIZE + at)).join(" > ");
  const key = u32(b, inner - 4)
    .toString(16)
    .padStart(8, "0");
  const packet = flowText(b.subarray(inner - ethernet.SIZE), fabric);
  return `${packet} in a tunnel ${ends} with key ${key}, ${octets}`;
}
