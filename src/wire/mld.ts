/**
 * Multicast Listener Discovery with the IPv6 header it comes in, both versions: RFC 2710 §3, RFC 3810 §5. Every message has
 * hop limit 1 and a router alert, or is no valid one (RFC 3810 §6.2, §7.4); whose address it comes from is the caller's to ask.
 */
import { u8, u16 } from "#base/bytes";
import { decode, Malformed, type Reader } from "#base/reader";
import type { Millis } from "#base/time";
import { Writer } from "#base/writer";
import {
  fromCode,
  type GroupRecord,
  MANTISSA_16,
  type QueryDetails,
  readDetails,
  readRecords,
  toCode,
  writeDetails,
  writeRecords,
} from "#wire/group-membership";
import { checksumHolds, writeChecksum } from "#wire/icmp6";
import * as ipv6 from "#wire/ipv6";
import { PROTOCOL_HOP_BY_HOP, PROTOCOL_ICMP6 } from "#wire/protocol";

/** ICMPv6 types. */
export const QUERY = 130;
export const REPORT_1 = 131;
export const DONE = 132;
export const REPORT_2 = 143;

/** ff02::16: reports of version 2 go there. */
export const ALL_MLD2_ROUTERS = Uint8Array.from([0xff, 2, ...new Uint8Array(13), 0x16]);

/** Told apart by length (RFC 3810 §8.1). */
export type MldQuery = {
  readonly type: typeof QUERY;
  /** `::`: a general query. */
  readonly group: Uint8Array;
  /** Version 1: 0 … 65 535; version 2: 0 … 8 387 584, written as the largest code that is not more. */
  readonly maxResponse: Millis;
} & ({ readonly version: 1 } | ({ readonly version: 2 } & QueryDetails));

export interface MldOldReport {
  readonly type: typeof REPORT_1 | typeof DONE;
  readonly group: Uint8Array;
}

export interface MldReport {
  readonly type: typeof REPORT_2;
  readonly records: readonly GroupRecord[];
}

export type MldMessage = MldQuery | MldOldReport | MldReport;

/** A message and who sent it to whom; 16 octets each. */
export interface MldPacket {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly message: MldMessage;
}

/** True for the types this file reads. */
export const isMld = (icmpType: number): boolean => (icmpType >= QUERY && icmpType <= DONE) || icmpType === REPORT_2;

const HOP_LIMIT = 1;
/** Octets of a query of version 1, and of the least one of version 2. */
const QUERY_1 = 24;
const QUERY_2 = 28;
/** Next header, length 0, router alert "MLD" (RFC 2711 §2.1), two octets of padding. */
const HOP_BY_HOP = [PROTOCOL_ICMP6, 0, 5, 2, 0, 0, 1, 0];
const ROUTER_ALERT = 5;
const PAD_1 = 0;

/** Reads the IPv6 packet at `at`; `end` is one past its frame's last octet. */
export function readMld(b: Uint8Array, at: number, end: number): MldPacket | Malformed {
  if (!ipv6.fits(b, at, end)) return new Malformed("truncated", at);
  const packetEnd = at + ipv6.SIZE + ipv6.payloadLength(b, at);
  const found = new ipv6.Extensions();
  if (ipv6.extensions(b, at, packetEnd, found) !== ipv6.EXTENSIONS_WHOLE) return new Malformed("extension headers", at);
  const { protocol, payload, fragmentHeader } = found;
  if (protocol !== PROTOCOL_ICMP6 || fragmentHeader !== 0) return new Malformed("not ICMPv6", at);
  if (ipv6.hopLimit(b, at) !== HOP_LIMIT) return new Malformed("hop limit is not 1", at + 7);
  if (!hasRouterAlert(b, at)) return new Malformed("no router alert", at + ipv6.SIZE);
  if (packetEnd - payload < 8) return new Malformed("truncated", payload);
  if (!checksumHolds(b, at, payload, packetEnd)) return new Malformed("checksum", payload + 2);
  const message = decode(b, readMessage, payload, packetEnd);
  if (message instanceof Malformed) return message;
  return { source: ipv6.source(b, at), destination: ipv6.destination(b, at), message };
}

/** Among the options of the Hop-by-Hop header, which is first if there is one and whole as the walk has found. */
function hasRouterAlert(b: Uint8Array, at: number): boolean {
  if (ipv6.nextHeader(b, at) !== PROTOCOL_HOP_BY_HOP) return false;
  const header = at + ipv6.SIZE;
  const end = header + ((u8(b, header + 1) + 1) << 3);
  for (let option = header + 2; option + 4 <= end; ) {
    if (u8(b, option) === PAD_1) option++;
    else if (u8(b, option) === ROUTER_ALERT) return u8(b, option + 1) === 2 && u16(b, option + 2) === 0;
    else option += 2 + u8(b, option + 1);
  }
  return false;
}

/** The message, checksum aside. The code is ignored (RFC 3810 §5.1.1). */
function readMessage(r: Reader): MldMessage {
  const { at, remaining } = r;
  const type = r.u8();
  r.skip(3);
  switch (type) {
    case QUERY:
      return readQuery(r, remaining);
    case REPORT_1:
    case DONE:
      r.skip(4);
      return { type, group: r.octets(16) };
    case REPORT_2:
      r.skip(2);
      return { type, records: readRecords(r, 16) };
    default:
      return r.fail("not a type of MLD", at);
  }
}

function readQuery(r: Reader, length: number): MldQuery {
  const code = r.u16();
  r.skip(2);
  const group = r.octets(16);
  if (length === QUERY_1) return { type: QUERY, version: 1, group, maxResponse: code };
  if (length < QUERY_2) r.fail("query of no version");
  return { type: QUERY, version: 2, group, maxResponse: fromCode(code, MANTISSA_16), ...readDetails(r, 16) };
}

/** The whole IPv6 packet, with hop limit 1, router alert and checksum. */
export function writeMld({ source, destination, message }: MldPacket): Uint8Array {
  const w = new Writer(ipv6.SIZE + 64);
  w.zeros(ipv6.SIZE);
  for (const octet of HOP_BY_HOP) w.u8(octet);
  const at = w.length;
  writeMessage(w, message);
  const b = w.finish();
  ipv6.write(b, 0, {
    ...{ payloadLength: b.length - ipv6.SIZE, nextHeader: PROTOCOL_HOP_BY_HOP, hopLimit: HOP_LIMIT },
    ...{ source, destination },
  });
  writeChecksum(b, 0, at, b.length);
  return b;
}

function writeMessage(w: Writer, m: MldMessage): void {
  w.u8(m.type);
  w.u8(0);
  w.u16(0); // checksum
  if (m.type === REPORT_2) {
    w.u16(0);
    writeRecords(w, m.records);
    return;
  }
  w.u16(m.type === QUERY ? codeOf(m) : 0);
  w.u16(0);
  w.octets(m.group);
  if (m.type === QUERY && m.version === 2) writeDetails(w, m);
}

const codeOf = ({ version, maxResponse }: MldQuery): number =>
  version === 1 ? maxResponse : toCode(maxResponse, MANTISSA_16);
