/** Packets made comparable: what a translator is free to choose is blanked, what is equal is made the same. */
import { onesSum } from "#fastpath/testing/plain-checksum";

/**
 * A copy without flow label (IPv6) and, when `generated`, without identification (IPv4). A checksum of 0xffff in TCP or
 * ICMP becomes its equal 0. Throws when an IPv4 header checksum is wrong or a flow label missing.
 */
export function masked(packet: Uint8Array, generated: boolean): Uint8Array {
  const copy = packet.slice();
  const isIpv6 = copy[0]! >> 4 === 6;
  if (isIpv6) {
    copy[1]! &= 0xf0;
    copy[2] = 0;
    copy[3] = 0;
  } else {
    if (onesSum(copy.slice(0, 20)) !== 0xffff) throw new Error("wrong IPv4 header checksum");
    copy.fill(0, 10, 12);
    if (generated) copy.fill(0, 4, 6);
  }
  const upper = isIpv6 ? upper6(copy) : upper4(copy);
  if (upper !== undefined && copy[upper] === 0xff && copy[upper + 1] === 0xff) copy.fill(0, upper, upper + 2);
  return copy;
}

/** Flow label of an IPv6 packet. */
export const flowLabelOf = (packet: Uint8Array): number => ((packet[1]! & 15) << 16) | (packet[2]! << 8) | packet[3]!;

/** Offset of the TCP or ICMP checksum in a packet without options, undefined where there is none. */
function upper4(b: Uint8Array): number | undefined {
  const isLater = (((b[6]! << 8) | b[7]!) & 0x1fff) !== 0;
  return isLater ? undefined : checksumAt(b[9]!, 20);
}

/** The same for a packet with no extension header but Fragment. */
function upper6(b: Uint8Array): number | undefined {
  if (b[6] !== 44) return checksumAt(b[6]!, 40);
  const isLater = (((b[42]! << 8) | b[43]!) & 0xfff8) !== 0;
  return isLater ? undefined : checksumAt(b[40]!, 48);
}

function checksumAt(protocol: number, upper: number): number | undefined {
  if (protocol === 6) return upper + 16;
  return protocol === 1 || protocol === 58 ? upper + 2 : undefined;
}
