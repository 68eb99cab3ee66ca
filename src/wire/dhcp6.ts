/**
 * DHCPv6 messages between clients and servers: RFC 8415 §8. Reading refuses what is none, relay agents' messages too; the
 * reason is for a counter, the message is dropped in silence.
 */
import { decode, type Malformed, type Reader } from "#base/reader";
import { Writer } from "#base/writer";
import { type Dhcp6Options, readOptions, writeOptions } from "#wire/dhcp6-options";

/** UDP ports. RFC 8415 §7.2. */
export const CLIENT_PORT = 546;
export const SERVER_PORT = 547;

/** ff02::1:2, whom clients ask (§7.1). */
export const ALL_DHCP_RELAY_AGENTS_AND_SERVERS = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2);

/** Message types, §7.3. */
export const SOLICIT = 1;
export const ADVERTISE = 2;
export const REQUEST = 3;
export const CONFIRM = 4;
export const RENEW = 5;
export const REBIND = 6;
export const REPLY = 7;
export const RELEASE = 8;
export const DECLINE = 9;
export const RECONFIGURE = 10;
export const INFORMATION_REQUEST = 11;
/** Between relay agents and servers, in another format (§9). */
export const RELAY_FORW = 12;
export const RELAY_REPL = 13;

export interface Dhcp6Message {
  /** One of SOLICIT … INFORMATION_REQUEST. */
  readonly type: number;
  /** The client's choice: 24 bits. */
  readonly transactionId: number;
  readonly options: Dhcp6Options;
}

/** Reads a UDP datagram's data, octets `at` … `end` − 1. */
export const readDhcp6 = (b: Uint8Array, at = 0, end = b.length): Dhcp6Message | Malformed =>
  decode(b, readMessage, at, end);

function readMessage(r: Reader): Dhcp6Message {
  const type = r.u8();
  if (type === RELAY_FORW || type === RELAY_REPL) r.fail("a relay agent's", r.at - 1);
  if (type < SOLICIT || type > INFORMATION_REQUEST) r.fail("no DHCP message type", r.at - 1);
  return { type, transactionId: r.u24(), options: readOptions(r) };
}

/** The UDP datagram's data. */
export function writeDhcp6({ type, transactionId, options }: Dhcp6Message): Uint8Array {
  const w = new Writer();
  w.u8(type);
  w.u24(transactionId);
  writeOptions(w, options);
  return w.finish();
}
