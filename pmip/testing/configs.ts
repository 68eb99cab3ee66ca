/** Fabrics for tests: hypervisors in a row, each with one home prefix, and subjects by where they are at home. */
import { homeOf } from "#base/home-hash";
import { DEFAULT_LIMITS, DEFAULT_TIMERS, type MobilityConfig } from "#pmip/config";
import type { AddressHex, Subject } from "#pmip/events";
import { hex32, octetsOf } from "#pmip/hex";

export const HASH_KEY = "000102030405060708090a0b0c0d0e0f";
/** 2001:db8::/32. */
const FABRIC = "20010db8";
export const TAGS = 0x401;
export const SECRETS = [
  { spi: 256, secret: "a5".repeat(32) },
  { spi: 257, secret: "5a".repeat(16) },
];

/** Home prefix of hypervisor `index`, from 0. */
export const homePrefix = (index: number): string => FABRIC + hex32(index + 1);
/** Its address. */
export const address = (index: number): AddressHex => `${homePrefix(index)}0000000000000001`;
export const homes = (count: number): string[] => Array.from({ length: count }, (_, i) => homePrefix(i));

/** Of hypervisor `index` in a fabric of `count`. */
export function configOf(index: number, count: number, more: Partial<MobilityConfig> = {}): MobilityConfig {
  return {
    address: address(index),
    hashKey: HASH_KEY,
    homes: homes(count),
    own: [index],
    fabric: [{ address: FABRIC.padEnd(32, "0"), length: 32 }],
    restartCounter: 1,
    seed: 1000 + index,
    timers: DEFAULT_TIMERS,
    limits: DEFAULT_LIMITS,
    ...more,
  };
}

export const ipv4Subject = (host: number, tags = TAGS): Subject => ({
  tags,
  address: `00000000000000000000ffff${hex32(host)}`,
});

/** The `nth` IPv4 subject from 10.0.0.0 on, counted from 0, that is at home at hypervisor `home` of `count`. */
export function subjectAt(home: number, count: number, nth = 0): Subject {
  const plan = { key: octetsOf(HASH_KEY), homes: { length: count } };
  let found = -1;
  for (let host = 0x0a00_0001; ; host++) {
    if (homeOf(plan, TAGS, octetsOf(hex32(host))) === home && ++found === nth) return ipv4Subject(host);
  }
}

/** An IPv6 subject with an address of the data centre's. */
export const ipv6SubjectAt = (home: number, host: number): Subject => ({
  tags: TAGS,
  address: homePrefix(home) + hex32(TAGS) + hex32(host),
});

/** With an address that its tenant brought. */
export const tenantSubject = (host: number): Subject => ({
  tags: TAGS,
  address: `fd00${hex32(host).padStart(28, "0")}`,
});
