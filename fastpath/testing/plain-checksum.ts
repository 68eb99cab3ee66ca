/** The Internet checksum as RFC 1071 §4.1 spells it, for packets that tests build and judge. */

/** Ones' complement sum of the octets' 16-bit words, 0 … 0xffff; an odd last octet is padded with zero. */
export function onesSum(octets: Iterable<number>): number {
  let sum = 0;
  let high = true;
  for (const octet of octets) {
    sum += high ? octet << 8 : octet;
    if (sum > 0xffff) sum = (sum & 0xffff) + 1;
    high = !high;
  }
  return sum;
}

/** The checksum of data whose own checksum field is zero. */
export const plainChecksum = (octets: Iterable<number>): number => ~onesSum(octets) & 0xffff;
