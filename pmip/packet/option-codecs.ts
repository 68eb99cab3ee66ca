/**
 * Mobility options, each with its type, alignment and data: RFC 4283, 4285, 5213 §8, 5844 §3.3, 5845 §6.1, 5847 §3.4,
 * 6705 §11.
 */
import { masked, type Prefix } from "#base/address";
import type { Reader } from "#base/reader";
import type { Writer } from "#base/writer";
import type { OptionName } from "#pmip/packet/fault";
import type { Authentication, Ipv4HomeAddress, SharedOptions, Timestamp } from "#pmip/packet/message";
import type { Alignment } from "#pmip/packet/option";

/** Data readers refuse by any `fail`, and by octets that they leave: either is a bad option of this name. */
export interface OptionCodec<T> {
  readonly type: number;
  readonly name: OptionName;
  readonly alignment: Alignment;
  readonly read: (r: Reader) => T;
  /** Throws RangeError for values out of range. */
  readonly write: (w: Writer, value: T) => void;
}

const at = (multiple: number, offset: number): Alignment => ({ multiple, offset });
const ANYWHERE = at(1, 0);

/** RFC 4283 §3.1: network access identifiers. */
const SUBTYPE_NAI = 1;
/** RFC 4285 §5.1: MN-HA. */
const SUBTYPE_MN_HA = 1;

export const MOBILE_NODE: OptionCodec<string> = {
  type: 8,
  name: "mobile-node-identifier",
  alignment: ANYWHERE,
  read: readIdentifier,
  write: (w, identifier) => {
    if (identifier === "" || !identifier.isWellFormed()) throw new RangeError("no mobile node's identifier");
    w.u8(SUBTYPE_NAI);
    w.octets(new TextEncoder().encode(identifier));
  },
};

export const HOME_NETWORK_PREFIX: OptionCodec<Prefix> = {
  type: 22,
  name: "home-network-prefix",
  alignment: at(8, 4),
  read: (r) => {
    r.skip(1);
    const length = bounded(r, r.u8(), 128);
    return { address: masked(r.octets(16), length), length };
  },
  write: (w, { address, length }) => {
    w.u8(0);
    w.u8(inRange(length, 128));
    putAddress(w, masked(address, length), 16);
  },
};

/** The prefix length is the first 6 bits of 16. */
export const IPV4_HOME_ADDRESS: OptionCodec<Ipv4HomeAddress> = {
  type: 36,
  name: "ipv4-home-address-request",
  alignment: at(4, 0),
  read: (r) => {
    const length = bounded(r, r.u16() >> 10, 32);
    return { address: r.octets(4), length };
  },
  write: (w, { address, length }) => {
    w.u16(inRange(length, 32) << 10);
    putAddress(w, address, 4);
  },
};

export const AUTHENTICATION: OptionCodec<Authentication> = {
  type: 9,
  name: "authentication",
  alignment: at(4, 1),
  // Other subtypes prove something to others than the two who speak Proxy Mobile IPv6: nothing here could verify them.
  read: (r) => (r.u8() === SUBTYPE_MN_HA ? { spi: r.u32(), authenticator: r.rest() } : r.fail("subtype")),
  write: (w, { spi, authenticator }) => {
    w.u8(SUBTYPE_MN_HA);
    w.u32(spi);
    w.octets(authenticator);
  },
};

/** What comes once in a message and means the same wherever it stands. */
export type PlainOptions = Required<Omit<SharedOptions, "authentication" | "others">>;

/** In the order in which they are written. */
export const PLAIN: { readonly [K in keyof PlainOptions]: OptionCodec<PlainOptions[K]> } = {
  handoff: { type: 23, name: "handoff-indicator", alignment: ANYWHERE, read: readCode, write: writeCode },
  accessTechnology: { type: 24, name: "access-technology-type", alignment: ANYWHERE, read: readCode, write: writeCode },
  timestamp: {
    type: 27,
    name: "timestamp",
    alignment: at(8, 2),
    read: (r) => ({ seconds: r.u16() * 0x1_0000_0000 + r.u32(), fraction: r.u16() }),
    write: writeTimestamp,
  },
  greKey: {
    type: 33,
    name: "gre-key",
    alignment: at(4, 0),
    read: (r) => {
      r.skip(2);
      return r.remaining === 0 ? "none" : r.u32();
    },
    write: (w, key) => {
      w.u16(0);
      if (key !== "none") w.u32(key);
    },
  },
  linkLayer: {
    type: 25,
    name: "link-layer-identifier",
    // So is its data for identifiers of any size: after type, length and 16 bits, at a multiple of 8.
    alignment: at(8, 4),
    read: (r) => {
      r.skip(2);
      return r.remaining === 0 ? r.fail("empty") : r.rest();
    },
    write: (w, identifier) => {
      if (identifier.length === 0) throw new RangeError("no link-layer identifier");
      w.u16(0);
      w.octets(identifier);
    },
  },
  linkLocal: addressOption(26, "link-local-address"),
  alternateCareOf: addressOption(3, "alternate-care-of-address"),
  ipv4HomeAddressReply: {
    type: 37,
    name: "ipv4-home-address-reply",
    alignment: at(4, 0),
    read: (r) => {
      const status = r.u8();
      const length = bounded(r, r.u8() >> 2, 32);
      return { status, address: r.octets(4), length };
    },
    write: (w, { status, address, length }) => {
      w.u8(status);
      w.u8(inRange(length, 32) << 2);
      putAddress(w, address, 4);
    },
  },
  ipv4DefaultRouter: {
    type: 38,
    name: "ipv4-default-router-address",
    alignment: at(4, 0),
    read: (r) => {
      r.skip(2);
      return r.octets(4);
    },
    write: (w, address) => {
      w.u16(0);
      putAddress(w, address, 4);
    },
  },
  ipv4DhcpSupport: {
    type: 39,
    name: "ipv4-dhcp-support-mode",
    alignment: ANYWHERE,
    read: (r) => ((r.u16() & 1) === 1 ? "server" : "relay"),
    write: (w, mode) => w.u16(mode === "server" ? 1 : 0),
  },
  magAddress: {
    type: 51,
    name: "mag-ipv6-address",
    alignment: at(8, 4),
    read: (r) => {
      r.skip(1);
      return r.u8() === 128 ? r.octets(16) : r.fail("address length");
    },
    write: (w, address) => {
      w.u8(0);
      w.u8(128);
      putAddress(w, address, 16);
    },
  },
  restartCounter: {
    type: 28,
    name: "restart-counter",
    alignment: at(4, 2),
    read: (r) => r.u32(),
    write: (w, counter) => w.u32(counter),
  },
};

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function readIdentifier(r: Reader): string {
  if (r.u8() !== SUBTYPE_NAI || r.remaining === 0) r.fail("no network access identifier");
  try {
    return UTF8.decode(r.rest());
  } catch {
    return r.fail("no UTF-8");
  }
}

/** An octet after a reserved one. */
function readCode(r: Reader): number {
  r.skip(1);
  return r.u8();
}

function writeCode(w: Writer, code: number): void {
  w.u8(0);
  w.u8(code);
}

function writeTimestamp(w: Writer, { seconds, fraction }: Timestamp): void {
  w.u16(Math.floor(seconds / 0x1_0000_0000));
  w.u32(seconds % 0x1_0000_0000);
  w.u16(fraction);
}

/** An IPv6 address and nothing else. */
function addressOption(type: number, name: OptionName): OptionCodec<Uint8Array> {
  return {
    type,
    name,
    alignment: at(8, 6),
    read: (r) => r.octets(16),
    write: (w, address) => putAddress(w, address, 16),
  };
}

const bounded = (r: Reader, value: number, max: number): number => (value <= max ? value : r.fail("prefix length"));

function inRange(length: number, max: number): number {
  if (!(length >= 0 && length <= max)) throw new RangeError(`prefix length ${length} is not 0 … ${max}`);
  return length;
}

function putAddress(w: Writer, address: Uint8Array, octets: number): void {
  if (address.length !== octets) throw new RangeError(`address of ${address.length} octets, not ${octets}`);
  w.octets(address);
}
