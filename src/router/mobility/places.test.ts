import { describe, expect, test } from "bun:test";
import { parseIpv4, parseIpv6 } from "#base/address";
import { toHex } from "#base/bytes";
import { nextBelow, seeded } from "#base/random";
import { Bindings, createBindingTable, PLACE_NATIVE, PLACE_TUNNEL, PLACE_UNKNOWN } from "#fastpath/tables/bindings";
import { createTunnelTable, Tunnels } from "#fastpath/tables/tunnels";
import type { Place, PlaceRole, Subject } from "#pmip/events";
import { Places } from "#router/mobility/places";
import { fromKey, putKey, subjectOf } from "#router/mobility/subjects";

const TAGS = 0x0000_0401;
const web = subjectOf(TAGS, parseIpv4("10.0.0.5")!);
const six = subjectOf(0xffff_fc01, parseIpv6("2001:db8:cafe::5")!);
const mag = (number: number): string => toHex(parseIpv6(`2001:db8:a1:${number}::1`)!);

/** The router's tables, and a forwarder's view of them. */
class World {
  readonly buffer: SharedArrayBuffer;
  readonly forwarder: Bindings;
  readonly tunnels: Tunnels;
  readonly places: Places;
  readonly warnings: string[] = [];
  now = 0;

  constructor(entries = 100, tunnels = 8) {
    this.buffer = createBindingTable({ entries, key: Int32Array.of(1, 2) });
    this.forwarder = new Bindings(this.buffer);
    this.tunnels = new Tunnels(createTunnelTable(tunnels));
    this.places = new Places({
      buffer: this.buffer,
      tunnels: this.tunnels,
      warn: (text) => void this.warnings.push(text),
    });
  }

  set(subject: Subject, place: Place, role: PlaceRole = "home"): void {
    this.places.set({ subject, place, role }, this.now);
  }

  /** What a forwarder finds: a tunnel's end, or the word. */
  found(subject: Subject): string {
    putKey(this.forwarder.key, subject);
    const entry = this.forwarder.find();
    if (entry === 0) return "nothing";
    const place = this.forwarder.place(entry);
    return place < PLACE_TUNNEL
      ? ["unknown", "native"][place]!
      : toHex(this.tunnels.address(place - PLACE_TUNNEL)).slice(0, 16);
  }

  ask(subject: Subject): number {
    putKey(this.forwarder.key, subject);
    return this.forwarder.ensure(0);
  }

  get ends(): string[] {
    return [...this.tunnels.indexes()].map((i) => toHex(this.tunnels.address(i)));
  }
}

test("a subject in an entry's key is the subject again, IPv4 and IPv6, whatever its tags", () => {
  const key = new Int32Array(5);
  for (const subject of [web, six]) {
    putKey(key, subject);
    expect(fromKey(key)).toEqual(subject);
  }
});

describe("places", () => {
  test("are what forwarders find from the next packet on", () => {
    const world = new World();
    expect(world.found(web)).toBe("nothing");
    world.set(web, { mag: mag(2) });
    expect(world.found(web)).toBe(mag(2).slice(0, 16));
    world.set(web, { mag: mag(3) });
    expect(world.found(web)).toBe(mag(3).slice(0, 16));
    world.set(web, "native", "correspondent");
    expect(world.found(web)).toBe("native");
    world.set(web, "unknown");
    expect(world.found(web)).toBe("nothing");
  });

  test("answer the question of the forwarder that made the entry", () => {
    const world = new World();
    const entry = world.ask(six);
    expect(world.places.subjectAt(entry)).toEqual(six);
    world.set(six, { mag: mag(2) }, "correspondent");
    expect(world.forwarder.place(entry)).toBe(PLACE_TUNNEL);
    world.set(six, "unknown", "correspondent");
    expect(world.places.subjectAt(entry)).toBeUndefined();
    expect(world.places.subjectAt(1_000_000)).toBeUndefined();
  });

  test("share a tunnel to a hypervisor, which goes a while after the last of them", () => {
    const world = new World();
    world.set(web, { mag: mag(2) });
    world.set(six, { mag: mag(2) });
    expect(world.ends).toEqual([mag(2)]);
    expect(world.places.users(0)).toBe(2);
    world.set(web, { mag: mag(3) });
    world.set(six, "native", "correspondent");
    world.places.sweep(world.now + 4000);
    expect(world.ends).toEqual([mag(2), mag(3)]); // packets may be on their way into it
    world.places.sweep(world.now + 6000);
    expect(world.ends).toEqual([mag(3)]);
    world.set(six, { mag: mag(2) });
    expect(world.ends).toHaveLength(2);
  });

  test("for which a table has no room go by the home, are counted, and are told once there is room", () => {
    const world = new World(100, 1);
    world.set(web, { mag: mag(2) });
    world.set(six, { mag: mag(3) });
    expect([world.found(six), world.places.withoutRoom, world.warnings.length]).toEqual(["nothing", 1, 1]);
    world.set(web, "unknown");
    world.places.sweep(10_000);
    world.set(six, { mag: mag(3) });
    expect(world.found(six)).toBe(mag(3).slice(0, 16));
  });

  test("that are known find room where a VM has asked for everybody", () => {
    const world = new World(64);
    for (let i = 0; i < 10_000; i++) world.ask(subjectOf(TAGS, Uint8Array.of(10, 1, i >> 8, i & 0xff)));
    expect(world.ask(web)).toBe(0);
    for (let i = 1; i <= 20; i++) {
      const subject = subjectOf(TAGS, Uint8Array.of(10, 0, 0, i));
      world.set(subject, { mag: mag(2) });
      expect(world.found(subject)).toBe(mag(2).slice(0, 16));
    }
    expect(world.places.withoutRoom).toBe(0);
  });

  test("that a replaced core told stay until the next one says otherwise, or nothing for half a minute", () => {
    const world = new World();
    world.set(web, { mag: mag(2) });
    world.set(six, { mag: mag(2) });
    world.places.coreReplaced(1000);
    world.set(web, { mag: mag(2) });
    world.places.sweep(20_000);
    expect([world.found(web), world.found(six)]).toEqual([mag(2).slice(0, 16), mag(2).slice(0, 16)]);
    world.places.sweep(32_000);
    expect([world.found(web), world.found(six)]).toEqual([mag(2).slice(0, 16), "nothing"]);
    world.places.sweep(90_000);
    expect(world.found(web)).toBe(mag(2).slice(0, 16));
  });

  test("count what former hosts pass on", () => {
    const world = new World();
    world.set(web, { mag: mag(2) }, "former");
    putKey(world.forwarder.key, web);
    world.forwarder.use(world.forwarder.at(world.forwarder.find()), 100, 0);
    expect(world.places.formerPackets(() => true)).toBe(1);
    expect(world.places.formerPackets((subject) => subject.address === six.address)).toBe(0);
    world.set(web, "unknown", "former");
    expect(world.places.formerPackets(() => true)).toBe(0);
  });

  test("after any changes are what was said last, and tunnels are those that are named", () => {
    const seed = (Math.random() * 2 ** 32) >>> 0;
    const random = seeded(seed);
    const world = new World(500, 40);
    const truth = new Map<string, string>();
    for (let step = 0; step < 5000; step++) {
      const subject = subjectOf(TAGS, Uint8Array.of(10, 0, 0, nextBelow(random, 200)));
      const choice = nextBelow(random, 12);
      const place: Place = choice === 0 ? "unknown" : choice === 1 ? "native" : { mag: mag(nextBelow(random, 20) + 1) };
      world.now = step * 100;
      world.set(subject, place);
      if (nextBelow(random, 10) === 0) world.places.sweep(world.now);
      truth.set(subject.address, typeof place === "string" ? place : place.mag.slice(0, 16));
    }
    for (const [address, place] of truth) {
      const found = world.found({ tags: TAGS, address });
      expect(`${seed}: ${found}`).toBe(`${seed}: ${place === "unknown" ? "nothing" : place}`);
    }
    world.places.sweep(world.now + 10_000);
    const named = new Set([...truth.values()].filter((place) => place.length === 16));
    expect(world.ends.map((end) => end.slice(0, 16)).sort()).toEqual([...named].sort());
  });
});

test("places of entries are words as forwarders have them", () => {
  expect([PLACE_UNKNOWN, PLACE_NATIVE, PLACE_TUNNEL]).toEqual([0, 1, 2]);
});
