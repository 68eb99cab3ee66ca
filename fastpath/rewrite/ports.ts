/** New ports for a packet, or a new identifier for an ICMP query. Checksums by difference (RFC 1624): wrong ones stay wrong. */
import { put16, u16 } from "#base/bytes";
import { update } from "#base/checksum";
import type { Frame } from "#fastpath/frame";
import type { Tables } from "#fastpath/tables/tables";
import { PROTOCOL_ICMP4, PROTOCOL_ICMP6, PROTOCOL_TCP, PROTOCOL_UDP } from "#wire/protocol";

/** Offsets in the transport header. */
const TCP_CHECKSUM = 16;
const UDP_CHECKSUM = 6;
const ICMP_CHECKSUM = 2;
const IDENTIFIER = 4;

/**
 * `ports`: as the record's R_NEW_PORTS_. A fragment without transport header has no ports, nor has any protocol but TCP, UDP
 * and ICMP; the checksum's partial sum (Frame.partial) does not cover ports.
 */
export function changePorts(f: Frame, t: Tables, ports: number): void {
  if (f.l4 === 0 || ports === 0) return;
  if (f.protocol === PROTOCOL_TCP || f.protocol === PROTOCOL_UDP)
    changeTransport(t, f.l4, f.protocol, { ports, end: f.end, keepChecksum: f.partial });
  else if (f.protocol === PROTOCOL_ICMP4 || f.protocol === PROTOCOL_ICMP6) changeIdentifier(t, f.l4, ports, f.end);
}

export interface PortChange {
  /** Raw ports. */
  readonly ports: number;
  /** Where the packet ends: a quoted one may end before its checksum. */
  readonly end: number;
  readonly keepChecksum: boolean;
}

/** Ports of the TCP or UDP header at `l4`. */
export function changeTransport(t: Tables, l4: number, protocol: number, change: PortChange): void {
  const { words, bytes: b } = t;
  if (l4 + 4 > change.end || words[l4 >> 2] === change.ports) return;
  const before = u16(b, l4) + u16(b, l4 + 2);
  words[l4 >> 2] = change.ports;
  const udp = protocol === PROTOCOL_UDP;
  const at = l4 + (udp ? UDP_CHECKSUM : TCP_CHECKSUM);
  if (change.keepChecksum || at + 2 > change.end) return;
  const field = u16(b, at);
  if (udp && field === 0) return;
  const updated = update(field, before, u16(b, l4) + u16(b, l4 + 2));
  put16(b, at, udp && updated === 0 ? 0xffff : updated);
}

/** Identifier of the ICMP query or reply at `l4`: RFC 792, RFC 4443 §4. `ports`: of identifierPorts(). */
export function changeIdentifier(t: Tables, l4: number, ports: number, end: number): void {
  const { bytes: b } = t;
  if (l4 + IDENTIFIER + 2 > end) return;
  const before = u16(b, l4 + IDENTIFIER);
  b[l4 + IDENTIFIER] = ports & 0xff;
  b[l4 + IDENTIFIER + 1] = (ports >>> 8) & 0xff;
  put16(b, l4 + ICMP_CHECKSUM, update(u16(b, l4 + ICMP_CHECKSUM), before, u16(b, l4 + IDENTIFIER)));
}
