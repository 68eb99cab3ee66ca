import { expect, test } from "bun:test";
import { formatIpv6 } from "#base/address";
import { Replication, SETTLING, segmentGroup } from "#router/broadcast/replication";
import type { Segment } from "#router/config/model";
import { prefixOf } from "#router/testing/segment";

const segment = (replicate: Segment["replicate"], multicastFrom = 16): Segment => ({
  ...{ prefix: prefixOf("10.0.0.0/24"), arp: "answer", replicate, multicastFrom, rate: 1000 },
});

const UNICAST = { listens: false, multicastFrom: undefined };

test("A segment's group is source-specific, for dynamic use, and has the tags in it (RFC 4607 §1, RFC 3307 §4.3)", () => {
  expect(formatIpv6(segmentGroup(0x401))).toBe("ff38::8000:401");
  expect(formatIpv6(segmentGroup(0xffff_ffff))).toBe("ff38::ffff:ffff");
});

test("Unicast stays unicast, however many members there are", () => {
  const replication = new Replication();
  const around = { segment: segment("unicast"), members: 1000, isRouted: true };
  for (const now of [0, 10 * SETTLING]) expect(replication.choose(5, around, now)).toEqual(UNICAST);
  expect(replication.nextChange(0)).toBeUndefined();
});

test("Auto is multicast from so many members on, once they have had time to join; half as many listen already", () => {
  const replication = new Replication();
  const choose = (members: number, now: number, isRouted = true) =>
    replication.choose(5, { segment: segment("auto"), members, isRouted }, now);
  expect(choose(7, 0)).toEqual(UNICAST);
  expect(choose(8, 1)).toEqual({ listens: true, multicastFrom: undefined });
  expect(choose(16, 10)).toEqual({ listens: true, multicastFrom: undefined });
  expect(replication.nextChange(10)).toBe(10 + SETTLING);
  expect(choose(16, 10 + SETTLING)).toEqual({ listens: true, multicastFrom: 15 });
  expect(choose(15, 20 + SETTLING)).toEqual({ listens: true, multicastFrom: undefined });
  expect(choose(16, 30 + SETTLING)).toEqual({ listens: true, multicastFrom: undefined });
});

test("Auto is unicast where no multicast router is at every uplink", () => {
  const replication = new Replication();
  const choose = (isRouted: boolean, now: number) =>
    replication.choose(5, { segment: segment("auto", 2), members: 3, isRouted }, now);
  expect(choose(true, 0)).toEqual({ listens: true, multicastFrom: undefined });
  expect(choose(true, SETTLING)).toEqual({ listens: true, multicastFrom: 1 });
  expect(choose(false, SETTLING + 1)).toEqual(UNICAST);
  expect(choose(true, SETTLING + 2)).toEqual({ listens: true, multicastFrom: undefined });
});

test("Multicast is multicast from the second member on, whoever is at the uplinks", () => {
  const replication = new Replication();
  const choose = (members: number, now: number) =>
    replication.choose(5, { segment: segment("multicast"), members, isRouted: false }, now);
  expect(choose(1, 0)).toEqual(UNICAST);
  expect(choose(2, 0)).toEqual({ listens: true, multicastFrom: undefined });
  expect(choose(2, SETTLING)).toEqual({ listens: true, multicastFrom: 1 });
  replication.keep(new Set());
  expect(choose(2, SETTLING)).toEqual({ listens: true, multicastFrom: undefined });
});
