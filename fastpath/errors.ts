/**
 * ICMP errors, built from the frame as it came. RFC 792, RFC 1812 §4.3.2; RFC 4443 §2.4, §3.
 *
 * Not answered: errors about errors, later fragments, multicast and broadcast, sources that are no single host or cannot
 * be routed to; and no more than a port's budget allows.
 */
import { copy, put16, put32, u8 } from "#base/bytes";
import { finish, sum } from "#base/checksum";
import { type Frame, GSO_NONE, KIND_IPV4, KIND_IPV6, UNUSUAL_ICMP_ERROR } from "#fastpath/frame";
import type { Scratch } from "#fastpath/scratch";
import { isLinkLocal } from "#fastpath/stages/route";
import { N_GATEWAY, NETWORK_WORDS, P_VM, PORT_WORDS, V_NETWORK, VM_WORDS } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { ENDINGS } from "#fastpath/verdicts";
import { PROTOCOL_ICMP4, PROTOCOL_ICMP6 } from "#wire/protocol";

/** RFC 1812 §4.3.2.3: as much of the datagram as fits in 576 octets. */
const LARGEST_4 = 576;
/** RFC 4443 §2.4(c): without exceeding the minimum IPv6 MTU. */
const LARGEST_6 = 1280;
const HOP_LIMIT = 64;
const FRAGMENTATION_NEEDED = 0x0304;

/**
 * Writes the error that `ending` owes the sender of `f` and describes it in `out` as an unclassified frame of the same
 * port. False when none is owed.
 */
export function buildError(f: Frame, t: Tables, scratch: Scratch, out: Frame, ending: number): boolean {
  const owed = f.kind === KIND_IPV4 ? ENDINGS[ending]!.icmp4 : ENDINGS[ending]!.icmp6;
  if (owed === undefined || !mayBeAnswered(f, t)) return false;
  if (f.kind === KIND_IPV4) build4(f, t, scratch, out, owed);
  else build6(f, t, scratch, out, owed);
  out.port = f.port;
  out.partial = false;
  out.gsoType = GSO_NONE;
  return true;
}

function mayBeAnswered(f: Frame, t: Tables): boolean {
  if ((f.unusual & UNUSUAL_ICMP_ERROR) !== 0) return false;
  if (f.outer === 0 && (u8(t.bytes, f.at) & 1) !== 0) return false;
  if (f.kind === KIND_IPV4) return (f.fragment & 0x1fff) === 0 && (t.isVm(f.port) || t.isOutside(f.port));
  if (t.bytes[f.l3 + 24] === 0xff) return false;
  const source = (f.l3 + 8) >> 2;
  if (isLinkLocal(t.words[source]!)) return false; // nowhere to route it to
  if (f.outer !== 0 && f.sourceTags === 0 && !t.isInFabric(t.words, source)) return false; // a tenant's own: whose, nobody said
  // RFC 4443 §2.4(e.6); classify has refused multicast and loopback sources.
  return (t.words[source]! | t.words[source + 1]! | t.words[source + 2]! | t.words[source + 3]!) !== 0;
}

/** From the VM's gateway address, or a gateway's own on the outside link, straight back out of the port. */
function build4(f: Frame, t: Tables, scratch: Scratch, out: Frame, owed: readonly [number, number]): void {
  const b = t.bytes;
  const quoted = Math.min(f.ipLength, f.end - f.l3, LARGEST_4 - 28);
  const at = scratch.take(14 + 28 + quoted);
  const l3 = at + 14;
  copy(b, at, b, f.at + 6, 6);
  copy(b, at + 6, b, f.at, 6);
  put16(b, at + 12, 0x0800);
  put32(b, l3, 0x45c0_0000 | (28 + quoted)); // precedence 6: RFC 1812 §4.3.2.5
  put32(b, l3 + 4, (t.nextIdentification() << 16) | 0);
  put32(b, l3 + 8, (HOP_LIMIT << 24) | (PROTOCOL_ICMP4 << 16));
  t.words[(l3 + 12) >> 2] = ownAddress(f, t);
  t.words[(l3 + 16) >> 2] = t.words[(f.l3 + 12) >> 2]!;
  put16(b, l3 + 10, finish(sum(b, l3, 20)));
  const icmp = l3 + 20;
  const typeAndCode = (owed[0] << 8) | owed[1];
  put16(b, icmp, typeAndCode);
  put16(b, icmp + 2, 0);
  put32(b, icmp + 4, typeAndCode === FRAGMENTATION_NEEDED ? t.reported : 0);
  copy(b, icmp + 8, b, f.l3, quoted);
  put16(b, icmp + 2, finish(sum(b, icmp, 8 + quoted)));
  out.at = at;
  out.end = icmp + 8 + quoted;
  out.kind = KIND_IPV4;
}

function ownAddress(f: Frame, t: Tables): number {
  if (t.isOutside(f.port)) return t.gateway!.own;
  const vm = t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS;
  return t.networks[t.vms[vm + V_NETWORK]! * NETWORK_WORDS + N_GATEWAY]!;
}

/**
 * From this router's own address (RFC 4443 §2.2), outside from that which it has there. To a VM and to the outside it goes
 * straight back out of its port, what goes into the fabric the caller routes.
 */
function build6(f: Frame, t: Tables, scratch: Scratch, out: Frame, owed: readonly [number, number]): void {
  const b = t.bytes;
  const quoted = Math.min(f.ipLength, f.end - f.l3, LARGEST_6 - 48);
  const at = scratch.take(14 + 48 + quoted);
  const l3 = at + 14;
  const length = 8 + quoted;
  copy(b, at, b, f.at + 6, 6);
  copy(b, at + 6, b, f.at, 6);
  put16(b, at + 12, 0x86dd);
  put32(b, l3, 0x6000_0000);
  put32(b, l3 + 4, (length << 16) | (PROTOCOL_ICMP6 << 8) | HOP_LIMIT);
  const own = t.isOutside(f.port) ? t.gateway!.straight.own : t.routerAddress;
  for (let i = 0; i < 4; i++) t.words[(l3 >> 2) + 2 + i] = own[i]!;
  for (let i = 0; i < 4; i++) t.words[(l3 >> 2) + 6 + i] = t.words[(f.l3 >> 2) + 2 + i]!;
  const icmp = l3 + 40;
  put16(b, icmp, (owed[0] << 8) | owed[1]);
  put16(b, icmp + 2, 0);
  put32(b, icmp + 4, owed[0] === 2 || owed[0] === 4 ? t.reported : 0);
  copy(b, icmp + 8, b, f.l3, quoted);
  put16(b, icmp + 2, finish(sum(b, icmp, length, sum(b, l3 + 8, 32) + length + PROTOCOL_ICMP6)));
  out.at = at;
  out.end = icmp + length;
  out.kind = KIND_IPV6;
}
