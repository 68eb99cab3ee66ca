/**
 * IGMP with the IPv4 header it comes in, all three versions: RFC 1112 appendix I, RFC 2236 §2, RFC 3376 §4. Checksums are
 * verified; the TTL and the router alert are the sender's duty, and old hosts do not know of the latter (RFC 3376 §9.2).
 */
import { put8, put16 } from "#base/bytes";
import { finish, fold, sum } from "#base/checksum";
import { decode, Malformed, type Reader } from "#base/reader";
import type { Millis } from "#base/time";
import { Writer } from "#base/writer";
import {
  fromCode,
  type GroupRecord,
  MANTISSA_8,
  type QueryDetails,
  readDetails,
  readRecords,
  toCode,
  writeDetails,
  writeRecords,
} from "#wire/group-membership";
import * as ipv4 from "#wire/ipv4";
import { PROTOCOL_IGMP } from "#wire/protocol";

export const QUERY = 0x11;
export const REPORT_1 = 0x12;
export const REPORT_2 = 0x16;
export const LEAVE = 0x17;
export const REPORT_3 = 0x22;

/** 224.0.0.1: general queries go there. */
export const ALL_SYSTEMS = Uint8Array.of(224, 0, 0, 1);
/** 224.0.0.2: leave messages. */
export const ALL_ROUTERS = Uint8Array.of(224, 0, 0, 2);
/** 224.0.0.22: reports of version 3. */
export const ALL_IGMP3_ROUTERS = Uint8Array.of(224, 0, 0, 22);

/** Of a query of version 1, which does not say it (RFC 2236 §4). */
export const VERSION_1_RESPONSE: Millis = 10_000;

/** Told apart by length and Max Resp Code (RFC 3376 §7.1). */
export type IgmpQuery = {
  readonly type: typeof QUERY;
  /** 0.0.0.0: a general query. */
  readonly group: Uint8Array;
  /** In tenths of a second. Version 2: 100 … 25 500; version 3: 0 … 3 174 400, written as the largest code that is not more. */
  readonly maxResponse: Millis;
} & ({ readonly version: 1 | 2 } | ({ readonly version: 3 } & QueryDetails));

export interface IgmpOldReport {
  readonly type: typeof REPORT_1 | typeof REPORT_2 | typeof LEAVE;
  readonly group: Uint8Array;
}

export interface IgmpReport {
  readonly type: typeof REPORT_3;
  readonly records: readonly GroupRecord[];
}

export type IgmpMessage = IgmpQuery | IgmpOldReport | IgmpReport;

/** A message and who sent it to whom; four octets each. */
export interface IgmpPacket {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly message: IgmpMessage;
}

/** Why a well-formed message of another protocol's, or of a version to come, is none of these. */
export const UNKNOWN_TYPE = "unknown type";

const UNIT: Millis = 100;
/** Type to group address. */
const LEAST = 8;
const TTL = 1;
/** Internetwork control (RFC 3376 §4). */
const TOS = 0xc0;
/** RFC 2113 §2.1: every router is to look at the packet. */
const ROUTER_ALERT = [0x94, 0x04, 0, 0];
const HEADER = ipv4.SIZE + ROUTER_ALERT.length;

/** Reads the IPv4 packet at `at`; `end` is one past its frame's last octet. */
export function readIgmp(b: Uint8Array, at: number, end: number): IgmpPacket | Malformed {
  if (!ipv4.fits(b, at, end) || ipv4.protocol(b, at) !== PROTOCOL_IGMP) return new Malformed("not IGMP", at);
  if (!ipv4.checksumHolds(b, at)) return new Malformed("header checksum", at + 10);
  if (ipv4.isFragment(b, at)) return new Malformed("fragment", at + 6);
  const igmp = at + ipv4.headerLength(b, at);
  const igmpEnd = at + ipv4.totalLength(b, at);
  if (igmpEnd - igmp < LEAST) return new Malformed("truncated", igmp);
  if (fold(sum(b, igmp, igmpEnd - igmp)) !== 0xffff) return new Malformed("checksum", igmp + 2);
  const message = decode(b, readMessage, igmp, igmpEnd);
  if (message instanceof Malformed) return message;
  const source = b.slice(at + ipv4.SOURCE, at + ipv4.SOURCE + 4);
  return { source, destination: b.slice(at + ipv4.DESTINATION, at + ipv4.DESTINATION + 4), message };
}

/** The message, checksum aside. */
function readMessage(r: Reader): IgmpMessage {
  const { at, remaining } = r;
  const type = r.u8();
  const code = r.u8();
  r.skip(2); // checksum
  switch (type) {
    case QUERY:
      return readQuery(r, code, remaining);
    case REPORT_1:
    case REPORT_2:
    case LEAVE:
      return { type, group: r.octets(4) }; // what follows is a later version's (RFC 2236 §2.5)
    case REPORT_3:
      r.skip(2);
      return { type, records: readRecords(r, 4) };
    default:
      return r.fail(UNKNOWN_TYPE, at);
  }
}

function readQuery(r: Reader, code: number, length: number): IgmpQuery {
  const group = r.octets(4);
  if (length >= 12) {
    const maxResponse = fromCode(code, MANTISSA_8) * UNIT;
    return { type: QUERY, version: 3, group, maxResponse, ...readDetails(r, 4) };
  }
  if (length > LEAST) r.fail("query of no version");
  if (code === 0) return { type: QUERY, version: 1, group, maxResponse: VERSION_1_RESPONSE };
  return { type: QUERY, version: 2, group, maxResponse: code * UNIT };
}

/** The whole IPv4 packet, with TTL 1, router alert and checksums. */
export function writeIgmp({ source, destination, message }: IgmpPacket): Uint8Array {
  const w = new Writer(64);
  w.zeros(ipv4.SIZE);
  for (const octet of ROUTER_ALERT) w.u8(octet);
  writeMessage(w, message);
  const b = w.finish();
  ipv4.write(b, 0, { totalLength: b.length, ttl: TTL, protocol: PROTOCOL_IGMP, tos: TOS, source, destination });
  put8(b, 0, 0x40 | (HEADER >> 2));
  ipv4.writeChecksum(b, 0);
  put16(b, HEADER + 2, finish(sum(b, HEADER, b.length - HEADER)));
  return b;
}

function writeMessage(w: Writer, m: IgmpMessage): void {
  w.u8(m.type);
  w.u8(m.type === QUERY ? codeOf(m) : 0);
  w.u16(0); // checksum
  if (m.type === REPORT_3) {
    w.u16(0);
    writeRecords(w, m.records);
    return;
  }
  w.octets(m.group);
  if (m.type === QUERY && m.version === 3) writeDetails(w, m);
}

function codeOf({ version, maxResponse }: IgmpQuery): number {
  if (version === 1) return 0;
  return version === 2 ? maxResponse / UNIT : toCode(maxResponse / UNIT, MANTISSA_8);
}
