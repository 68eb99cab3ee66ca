/**
 * Proof of origin: the MN-HA Mobility Message Authentication option, RFC 4285 §5.1, on finished messages. Which SPI
 * belongs to whom, whether a message without proof is taken, and protection against replay are the caller's.
 */
import { timingSafeEqual } from "node:crypto";
import { decode, type Reader } from "#base/reader";
import { Writer } from "#base/writer";
import { type Fault, unlessMalformed } from "#pmip/packet/fault";
import * as header from "#pmip/packet/header";
import type { Authentication } from "#pmip/packet/message";
import { sealed } from "#pmip/packet/mobility";
import { pad, type RawOption, readRawOptions } from "#pmip/packet/option";
import { authenticationOf, putAuthentication, readAuthentication } from "#pmip/packet/options";

/** Subtype and SPI: the option's data before the authenticator. */
const BEFORE_AUTHENTICATOR = 5;

/**
 * Authentication Data of `octets` by the key and algorithm that the SPI names, of one length for each SPI; undefined
 * for an SPI that names none. `authenticators` of mac.ts makes one.
 */
export type Authenticator = (spi: number, octets: Uint8Array) => Uint8Array | undefined;

/**
 * What is covered beside the Mobility Header, 16 octets each. RFC 4285 has a mobile node's own registration in view,
 * whose addresses are those of its packet. So both sides best take the packet's: the mobile access gateway's as
 * care-of, the local mobility anchor's as home address, and no message can be turned to another anchor. Home network
 * prefixes are in the message, hence covered anyway.
 */
export interface Covered {
  readonly careOf: Uint8Array;
  readonly home: Uint8Array;
}

/** Who sends the message to whom: 16 octets each, for the checksum. */
export interface SigningPath extends Covered {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

export type AuthenticationFault = Fault | "no-authentication" | "unknown-spi" | "wrong-authenticator";

/**
 * The message that `writeMobility` made, with the option as its last and with length and checksum anew. RangeError when
 * the SPI names no key, when there is such an option already, or when the message grows too long.
 */
export function sign(octets: Uint8Array, path: SigningPath, spi: number, authenticator: Authenticator): Uint8Array {
  const options = readAll(octets);
  if (typeof options === "string") throw new RangeError(`no message to sign: ${options}`);
  const size = authenticator(spi, new Uint8Array(0))?.length;
  if (size === undefined) throw new RangeError(`no key for SPI ${spi}`);
  if (options.authentication !== undefined) throw new RangeError("signed already");
  const w = new Writer(octets.length + size + 16);
  w.octets(octets.subarray(0, options.raw.at(-1)?.end ?? header.optionsAt(octets)));
  putAuthentication(w, { spi, authenticator: new Uint8Array(size) });
  const end = w.length;
  pad(w, { multiple: 8, offset: 0 });
  const signed = sealed(w, path.source, path.destination);
  signed.set(authenticator(spi, mobilityData(signed, end - size, path))!, end - size);
  header.writeChecksum(signed, path.source, path.destination);
  return signed;
}

/**
 * The option whose authenticator holds; else why not. Looks at nothing but the octets, in need of no `readMobility`
 * before it, and never throws. It does not ask for the checksum: it is no proof of anything.
 */
export function verify(
  octets: Uint8Array,
  covered: Covered,
  authenticator: Authenticator,
): Authentication | AuthenticationFault {
  const options = readAll(octets);
  if (typeof options === "string") return options;
  const { authentication, option } = options;
  if (authentication === undefined || option === undefined) return "no-authentication";
  const { spi, authenticator: found } = authentication;
  const expected = authenticator(spi, mobilityData(octets, option.from + BEFORE_AUTHENTICATOR, covered));
  if (expected === undefined) return "unknown-spi";
  return expected.length === found.length && timingSafeEqual(expected, found) ? authentication : "wrong-authenticator";
}

interface Found {
  readonly raw: readonly RawOption[];
  readonly option: RawOption | undefined;
  readonly authentication: Authentication | undefined;
}

function readAll(octets: Uint8Array): Found | Fault {
  const wrong = header.lengthFault(octets) ?? header.shapeFault(octets);
  if (wrong !== undefined) return wrong;
  const read = (r: Reader): Found => {
    const raw = readRawOptions(r);
    return { raw, option: authenticationOf(r, raw), authentication: readAuthentication(r, raw) };
  };
  return unlessMalformed(decode(octets, read, header.optionsAt(octets)));
}

/** Care-of address, home address and the message up to and including the SPI, its checksum being zero. */
function mobilityData(octets: Uint8Array, end: number, { careOf, home }: Covered): Uint8Array {
  const data = new Uint8Array(32 + end);
  data.set(careOf, 0);
  data.set(home, 16);
  data.set(octets.subarray(0, end), 32);
  header.setChecksum(data.subarray(32), 0);
  return data;
}
