/** A frame from a VM → the DHCP request in it. RFC 2131 §4.1. */
import { equal } from "#base/bytes";
import { fold, sum } from "#base/checksum";
import { Malformed } from "#base/reader";
import type { Dhcp4Counters } from "#services/dhcp4/events";
import { BOOTREQUEST, type Dhcp4Message, readDhcp4, SERVER_PORT } from "#wire/dhcp4";
import * as ethernet from "#wire/ethernet";
import * as ipv4 from "#wire/ipv4";
import { PROTOCOL_UDP } from "#wire/protocol";
import * as udp from "#wire/udp";

const AT = ethernet.SIZE;

/** The counter of what keeps the frame from being one. */
export type Fault = Extract<keyof Dhcp4Counters, "malformed" | "relayed" | "foreignClient">;

/** `unfinished`: as in the event. */
export function requestIn(frame: Uint8Array, unfinished: boolean): Dhcp4Message | Fault {
  const end = frame.length;
  if (!ethernet.fits(frame, 0, end) || !ipv4.fits(frame, AT, end)) return "malformed";
  if (ipv4.protocol(frame, AT) !== PROTOCOL_UDP || ipv4.isFragment(frame, AT)) return "malformed";
  const at = AT + ipv4.headerLength(frame, AT);
  if (!udp.fits(frame, at, AT + ipv4.totalLength(frame, AT))) return "malformed";
  if (udp.destinationPort(frame, at) !== SERVER_PORT) return "malformed";
  if (!unfinished && !checksumHolds(frame, at)) return "malformed";
  const message = readDhcp4(frame, at + udp.SIZE, at + udp.length(frame, at));
  if (message instanceof Malformed || message.op !== BOOTREQUEST) return "malformed";
  if (message.giaddr.some((octet) => octet !== 0)) return "relayed";
  return equal(message.chaddr, 0, frame, ethernet.SOURCE, 6) ? message : "foreignClient";
}

function checksumHolds(frame: Uint8Array, at: number): boolean {
  if (udp.checksum(frame, at) === 0) return true; // none was computed
  const length = udp.length(frame, at);
  return fold(sum(frame, at, length, ipv4.pseudoHeader(frame, AT, PROTOCOL_UDP, length))) === 0xffff;
}
