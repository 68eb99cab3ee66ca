/** Algorithms that an SPI may name for the authentication option: HMACs, cut as their RFCs say. */
import { createHmac } from "node:crypto";
import type { Authenticator } from "#pmip/packet/authentication";

/** RFC 4285 §5.1 has the first; the second is cut as for IPsec (RFC 4868 §2.3). */
export type MobilityAlgorithm = "hmac-sha-1-96" | "hmac-sha-256-128";

interface Cut {
  /** node:crypto's name. */
  readonly name: string;
  /** Octets that are sent: the first. */
  readonly octets: number;
}
const CUTS: Readonly<Record<MobilityAlgorithm, Cut>> = {
  "hmac-sha-1-96": { name: "sha1", octets: 12 },
  "hmac-sha-256-128": { name: "sha256", octets: 16 },
};

/** A mobility security association, RFC 4285 §3.1. */
export interface MobilityAssociation {
  /** 256 … 2^32 − 1. */
  readonly spi: number;
  readonly algorithm: MobilityAlgorithm;
  /** Any length; RFC 4285 has 16 octets. */
  readonly key: Uint8Array;
}

/** Of those with the same SPI the first counts. */
export function authenticators(associations: readonly MobilityAssociation[]): Authenticator {
  return (spi, octets) => {
    const association = associations.find((one) => one.spi === spi);
    if (association === undefined) return undefined;
    const cut = CUTS[association.algorithm];
    return createHmac(cut.name, association.key).update(octets).digest().subarray(0, cut.octets);
  };
}
