/** The binding table: what control puts is what forwarders find, at once and by the subject alone. */
import { expect, test } from "bun:test";
import { parseIpv4, parseIpv6 } from "#base/address";
import { nextBelow } from "#base/random";
import {
  Bindings,
  createBindingTable,
  IPV4_MAPPED,
  PLACE_NATIVE,
  PLACE_TUNNEL,
  PLACE_UNKNOWN,
} from "#fastpath/tables/bindings";
import { raw, rawOf } from "#fastpath/tables/snapshot";
import { withSeed } from "#fastpath/testing/with-seed";

const TAGS = rawOf((1 << 10) | 1);
const HOST = raw(parseIpv4("10.0.0.7")!);

function views(entries = 100): [control: Bindings, forwarder: Bindings] {
  const buffer = createBindingTable({ entries, key: Int32Array.of(0x1234_5678, 0x0bad_cafe) });
  return [new Bindings(buffer), new Bindings(buffer)];
}

test("a forwarder makes an entry of unknown place once, and control changes the place under it", () => {
  const [control, forwarder] = views();
  forwarder.aboutIpv4(TAGS, HOST);
  expect(forwarder.find()).toBe(0);
  const entry = forwarder.ensure(7);
  expect([entry > 0, forwarder.isNew, forwarder.place(entry)]).toEqual([true, true, PLACE_UNKNOWN]);
  expect([forwarder.ensure(9), forwarder.isNew]).toEqual([entry, false]);
  control.aboutIpv4(TAGS, HOST);
  expect(control.put(PLACE_TUNNEL + 5, 8)).toBe(entry);
  expect([forwarder.place(entry), forwarder.find(), forwarder.version]).toEqual([
    PLACE_TUNNEL + 5,
    entry,
    control.version,
  ]);
});

test("an IPv4 address and the same IPv6-mapped address are one subject; other tags are another", () => {
  const [control, forwarder] = views();
  control.aboutIpv6(TAGS, Int32Array.of(9, 0, 0, IPV4_MAPPED, HOST), 1);
  const entry = control.put(PLACE_NATIVE, 0);
  forwarder.aboutIpv4(TAGS, HOST);
  expect([forwarder.find(), forwarder.recall(), forwarder.recall()]).toEqual([entry, entry, entry]);
  expect([...parseIpv6("::ffff:10.0.0.7")!]).toEqual([...new Uint8Array(forwarder.key.buffer, 4, 16)]);
  forwarder.aboutIpv4(rawOf(1 << 10), HOST);
  expect(forwarder.find()).toBe(0);
});

test("a removed entry is another subject's with another version, and nothing of the old one is left", () => {
  const [control, forwarder] = views();
  control.aboutIpv4(TAGS, HOST);
  const entry = control.put(PLACE_TUNNEL + 1, 3);
  const { version } = control;
  forwarder.use(forwarder.at(entry), 1500, 4);
  control.remove(entry, version + 1);
  expect(forwarder.isLive(entry, version)).toBeTrue();
  control.remove(entry, version);
  expect([forwarder.isLive(entry, version), [...control.entries()]]).toEqual([false, []]);
  forwarder.aboutIpv4(TAGS, HOST);
  const next = forwarder.ensure(5);
  expect(forwarder.isNew).toBeTrue();
  const [only] = [...control.entries()];
  expect(only).toMatchObject({ entry: next, place: PLACE_UNKNOWN, usedAt: 5, packets: 0, octets: 0 });
});

test("control sees what forwarders used", () => {
  const [control, forwarder] = views();
  forwarder.aboutIpv4(TAGS, HOST);
  const entry = forwarder.ensure(1);
  forwarder.use(forwarder.at(entry), 100, 1);
  forwarder.use(forwarder.at(entry), 60_000, 2);
  const [seen] = [...control.entries()];
  expect(seen).toEqual({
    ...{ entry, version: forwarder.version, place: PLACE_UNKNOWN, usedAt: 2, packets: 2, octets: 60_100 },
    key: Int32Array.of(TAGS, 0, 0, IPV4_MAPPED, HOST),
  });
});

test("there is room for as many as was asked for; when all is taken, none is made and none replaced", () => {
  const [control, forwarder] = views(32);
  let made = 0;
  for (let i = 0; i < 1000; i++) {
    forwarder.aboutIpv4(TAGS, i);
    if (forwarder.ensure(0) !== 0) made++;
  }
  expect(made).toBeGreaterThanOrEqual(32);
  expect(made).toBeLessThan(1000);
  expect([...control.entries()].length).toBe(made);
  control.aboutIpv4(TAGS, 0);
  expect(control.find()).not.toBe(0);
});

test("random operations give what a map gives", () => {
  withSeed((random) => {
    const [control, forwarder] = views(200);
    const oracle = new Map<number, number>();
    for (let i = 0; i < 4000; i++) {
      const host = nextBelow(random, 150);
      const who = nextBelow(random, 2) === 0 ? control : forwarder;
      who.aboutIpv4(TAGS, host);
      switch (nextBelow(random, 4)) {
        case 0: {
          const place = nextBelow(random, 5);
          control.aboutIpv4(TAGS, host);
          expect(control.put(place, i)).not.toBe(0);
          oracle.set(host, place);
          break;
        }
        case 1:
          who.ensure(i);
          if (!oracle.has(host)) oracle.set(host, PLACE_UNKNOWN);
          break;
        case 2: {
          control.aboutIpv4(TAGS, host);
          const entry = control.find();
          if (entry !== 0) control.remove(entry, control.version);
          oracle.delete(host);
          break;
        }
        default: {
          const entry = nextBelow(random, 2) === 0 ? who.find() : who.recall();
          expect(entry === 0 ? undefined : who.place(entry)).toBe(oracle.get(host));
        }
      }
    }
    const all = new Map([...control.entries()].map(({ key, place }) => [key[4]!, place]));
    expect(all).toEqual(oracle);
  });
});
