/**
 * DHCPv4 messages: RFC 2131 §2, with the fields' names of its Figure 1. Reading refuses what is no message of DHCP for
 * Ethernet; the reason is for a counter, the message is dropped in silence.
 */
import { decode, type Malformed, type Reader } from "#base/reader";
import { Writer } from "#base/writer";
import {
  collectOptions,
  type Dhcp4Options,
  OVERLOAD,
  type RawOptions,
  readOptions,
  writeOptions,
} from "#wire/dhcp4-options";

/** UDP ports. RFC 2131 §4.1. */
export const SERVER_PORT = 67;
export const CLIENT_PORT = 68;

export const BOOTREQUEST = 1;
export const BOOTREPLY = 2;

/** Message types, RFC 2132 §9.6. */
export const DISCOVER = 1;
export const OFFER = 2;
export const REQUEST = 3;
export const DECLINE = 4;
export const ACK = 5;
export const NAK = 6;
export const RELEASE = 7;
export const INFORM = 8;

export interface Dhcp4Message {
  readonly op: typeof BOOTREQUEST | typeof BOOTREPLY;
  /** Relay agents on the way: 0 … 255. */
  readonly hops: number;
  /** The client's choice, 0 … 2^32 − 1. */
  readonly xid: number;
  /** Seconds since the client began: 0 … 65535. */
  readonly secs: number;
  /** The client cannot take unicast packets before it has its address. */
  readonly broadcast: boolean;
  /** Four octets each, zero when they say nothing. */
  readonly ciaddr: Uint8Array;
  readonly yiaddr: Uint8Array;
  readonly siaddr: Uint8Array;
  readonly giaddr: Uint8Array;
  /** Ethernet address, six octets. */
  readonly chaddr: Uint8Array;
  /** One of DISCOVER … INFORM. */
  readonly type: number;
  /** Without the message type. */
  readonly options: Dhcp4Options;
}

const ETHERNET = 1;
const BROADCAST_FLAG = 0x8000;
/** Octets of the fields. */
const CHADDR = 16;
const SNAME = 64;
const FILE = 128;
/** In front of the options: RFC 2131 §3. */
const MAGIC_COOKIE = 0x63825363;
/** Octets that BOOTP's messages have at least (RFC 1542 §2.1): some relays and clients take no less. */
const SMALLEST = 300;

/** Bits of the overload option: which fields hold options too (RFC 2132 §9.3). */
const IN_FILE = 1;
const IN_SNAME = 2;

/** Reads a UDP datagram's data, octets `at` … `end` − 1. What follows the end option does not count. */
export const readDhcp4 = (b: Uint8Array, at = 0, end = b.length): Dhcp4Message | Malformed =>
  decode(b, readMessage, at, end);

function readMessage(r: Reader): Dhcp4Message {
  const op = r.u8();
  if (op !== BOOTREQUEST && op !== BOOTREPLY) r.fail("neither request nor reply", r.at - 1);
  if (r.u8() !== ETHERNET || r.u8() !== 6) r.fail("not Ethernet", r.at - 1);
  const head = {
    hops: r.u8(),
    xid: r.u32(),
    secs: r.u16(),
    broadcast: (r.u16() & BROADCAST_FLAG) !== 0,
    ciaddr: r.octets(4),
    yiaddr: r.octets(4),
    siaddr: r.octets(4),
    giaddr: r.octets(4),
    chaddr: r.octets(6),
  };
  r.skip(CHADDR - 6);
  const sname = r.within(SNAME);
  const file = r.within(FILE);
  if (r.u32() !== MAGIC_COOKIE) r.fail("no DHCP", r.at - 4);
  const { messageType: type, ...options } = readOptions(collect(r, file, sname));
  if (type === undefined || type < DISCOVER || type > INFORM) return r.fail("no DHCP message type");
  return { op, ...head, type, options };
}

/** Of all fields that hold options, in the order of RFC 3396 §5. */
function collect(r: Reader, file: Reader, sname: Reader): RawOptions {
  const all: RawOptions = new Map();
  collectOptions(r, all);
  const overload = all.get(OVERLOAD)?.[0]?.[0] ?? 0;
  if ((overload & IN_FILE) !== 0) collectOptions(file, all);
  if ((overload & IN_SNAME) !== 0) collectOptions(sname, all);
  return all;
}

/** The UDP datagram's data. */
export function writeDhcp4(m: Dhcp4Message): Uint8Array {
  const w = new Writer(SMALLEST);
  w.u8(m.op);
  w.u8(ETHERNET);
  w.u8(6);
  w.u8(m.hops);
  w.u32(m.xid);
  w.u16(m.secs);
  w.u16(m.broadcast ? BROADCAST_FLAG : 0);
  for (const address of [m.ciaddr, m.yiaddr, m.siaddr, m.giaddr]) w.octets(address);
  w.octets(m.chaddr);
  w.zeros(CHADDR - 6 + SNAME + FILE);
  w.u32(MAGIC_COOKIE);
  writeOptions(w, { ...m.options, messageType: m.type });
  if (w.length < SMALLEST) w.zeros(SMALLEST - w.length);
  return w.finish();
}
