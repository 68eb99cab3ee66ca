/** The ICMP error that a translator sends about a packet it cannot carry on. RFC 7915 §4.4, §5.4; ../decisions.md. */
import { checksumOf } from "./checksum";
import { read4, write4 } from "./ipv4";
import { read6, write6 } from "./ipv6";
import { joined, octetsOf, replaced } from "./octets";
import type { Owed } from "./outcome";
import { ICMP4, ICMP6 } from "./protocols";
import { pseudoHeader } from "./transport";

/** RFC 1812 §4.3.2.3. */
const LARGEST_4 = 576;
/** RFC 4443 §2.4(c). */
const LARGEST_6 = 1280;
const HOP_LIMIT = 64;
/** Precedence 6, internetwork control: RFC 1812 §4.3.2.5. */
const INTERNETWORK_CONTROL = 0xc0;

/** From `gateway` (4 octets) to the sender of `octets`. */
export function icmp4Error(octets: Uint8Array, owed: Owed, gateway: Uint8Array, identification: number): Uint8Array {
  const packet = read4(octets);
  const message = summed(owed, octets.slice(0, Math.min(packet.totalLength, LARGEST_4 - 28)), new Uint8Array(0));
  return write4({
    tos: INTERNETWORK_CONTROL,
    totalLength: 20 + message.length,
    identification,
    dontFragment: false,
    moreFragments: false,
    offset: 0,
    ttl: HOP_LIMIT,
    protocol: ICMP4,
    source: gateway,
    destination: packet.source,
    payload: message,
  });
}

/** From `router` (16 octets) to the sender of `octets`. */
export function icmp6Error(octets: Uint8Array, owed: Owed, router: Uint8Array): Uint8Array {
  const packet = read6(octets);
  const quoted = octets.slice(0, Math.min(40 + packet.payloadLength, LARGEST_6 - 48));
  const message = summed(owed, quoted, pseudoHeader(joined(router, packet.source), 8 + quoted.length, ICMP6));
  return write6({
    trafficClass: 0,
    flowLabel: 0,
    payloadLength: message.length,
    hopLimit: HOP_LIMIT,
    source: router,
    destination: packet.source,
    fragment: undefined,
    protocol: ICMP6,
    payload: message,
  });
}

function summed(owed: Owed, quoted: Uint8Array, pseudo: Uint8Array): Uint8Array {
  const unsummed = joined(
    octetsOf(owed.type, 1),
    octetsOf(owed.code, 1),
    octetsOf(0, 2),
    octetsOf(owed.rest, 4),
    quoted,
  );
  return replaced(unsummed, 2, octetsOf(checksumOf(joined(pseudo, unsummed)), 2));
}
