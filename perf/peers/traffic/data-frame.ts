/** The generator's frame: Ethernet, IPv4, UDP and a DATA message; 60 octets, 64 with the check sequence. */
import { finish, sum } from "#base/checksum";
import * as ethernet from "#wire/ethernet";
import * as ipv4 from "#wire/ipv4";
import { PROTOCOL_UDP } from "#wire/protocol";
import * as udp from "#wire/udp";
import * as message from "./message";

const IP = ethernet.SIZE;
const UDP = IP + ipv4.SIZE;
/** Offset of the message in the frame. */
export const MESSAGE = UDP + udp.SIZE;
export const SIZE = MESSAGE + message.SIZE; // octets

export interface Path {
  /** 6 octets each. */
  readonly sourceMac: Uint8Array;
  readonly nextHopMac: Uint8Array;
  /** 4 octets each. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

/** A frame of sequence number 0; {@link message.setSequence} keeps its checksum right. */
export function dataFrame(path: Path, trial: number): Uint8Array {
  const b = new Uint8Array(SIZE);
  ethernet.setDestination(b, 0, path.nextHopMac);
  ethernet.setSource(b, 0, path.sourceMac);
  ethernet.setEtherType(b, 0, ethernet.ETHERTYPE_IPV4);
  ipv4.write(b, IP, {
    totalLength: SIZE - IP,
    ttl: 64,
    protocol: PROTOCOL_UDP,
    source: path.source,
    destination: path.destination,
    fragment: ipv4.DONT_FRAGMENT,
  });
  udp.setSourcePort(b, UDP, message.PORT + 1);
  udp.setDestinationPort(b, UDP, message.PORT);
  udp.setLength(b, UDP, SIZE - UDP);
  message.write(b, MESSAGE, { kind: message.DATA, trial });
  udp.setChecksum(b, UDP, finish(sum(b, UDP, SIZE - UDP, ipv4.pseudoHeader(b, IP, PROTOCOL_UDP, SIZE - UDP))));
  return b;
}
