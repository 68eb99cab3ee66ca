/**
 * A key that FRR before its pull request 14146 (Debian 12's) and the rest of the world make the same digests with.
 *
 * RFC 7166 §4.5 appends the Cryptographic Protocol ID 00 01 to the key; old FRR appends 01 00 on little-endian machines.
 * What is longer than the hash is hashed first. So a long text of which the hash of text ‖ 01 00 happens to end with 00 01
 * is, for FRR, the key that the octets before that 00 01 are for others. One text in 65 536 will do.
 */
import { createHash } from "node:crypto";

export interface KeyTwins {
  /** FRR's key-string. */
  readonly frr: string;
  /** 30 octets, for who follows the RFC. */
  readonly others: Uint8Array;
}

/** Of HMAC-SHA-256. Takes a tenth of a second. */
export function keyTwins(): KeyTwins {
  for (let i = 0; ; i++) {
    const frr = `a-text-longer-than-a-sha-256-hash-${i}`;
    const hash = createHash("sha256").update(frr).update(Uint8Array.of(1, 0)).digest();
    // A line's end would be taken for that of the file the key is read from.
    if (hash[30] === 0 && hash[31] === 1 && hash[29] !== 0x0a)
      return { frr, others: Uint8Array.from(hash.subarray(0, 30)) };
  }
}
