import { expect, test } from "bun:test";
import { nextBelow, nextU32, type Random } from "#base/random";
import { BACK, FORWARD } from "#fastpath/tables/connection-entries";
import { placesOf, WAYS } from "#fastpath/tables/connection-layout";
import { listConnections } from "#fastpath/tables/connection-list";
import { DEFAULT_TIMEOUTS, ESTABLISHED, SYN_SENT, UDP_NEW, UDP_REPLIED } from "#fastpath/tables/connection-states";
import { Connections, REFUSED_FULL, REFUSED_QUOTA } from "#fastpath/tables/connections";
import {
  back,
  describePacket,
  find,
  GRE,
  host,
  ICMP,
  newTable,
  pass,
  TCP,
  type TestPacket,
  UDP,
  vm,
} from "#fastpath/testing/connection-packets";
import { withSeed } from "#fastpath/testing/with-seed";

const SYN = 0x02;
const ACK = 0x10;

const datagram: TestPacket = { source: vm(7, 1, 5353), destination: vm(7, 2, 53), protocol: UDP };

/** Connection `i` of as many as are wanted. */
const flow = (i: number, protocol = UDP): TestPacket => ({
  source: vm(7, i, i & 0xffff),
  destination: vm(9, i ^ 0x5555, 443),
  protocol,
  ...(protocol === TCP ? { flags: SYN, sequence: i } : {}),
});

/** The other end answers: the entry may not be replaced from then on. */
function answer(table: Connections, packet: TestPacket, now: number): void {
  if (packet.protocol === TCP) {
    pass(table, back({ ...packet, flags: SYN | ACK, sequence: 0, acknowledgment: packet.sequence! + 1 }), now);
    pass(table, { ...packet, flags: ACK, acknowledgment: 1 }, now);
  } else pass(table, back(packet), now);
}

test("a connection is found from both ends, and by no packet that differs in anything", () => {
  const table = new Connections(newTable());
  const hosts = { ...datagram, source: host([1, 2, 3, 4], 53), destination: host([1, 2, 3, 5], 53) };
  for (const packet of [datagram, hosts]) {
    const entry = pass(table, packet, 0);
    expect(entry).toBeGreaterThan(0);
    expect([find(table, packet, 0), table.direction]).toEqual([entry, FORWARD]);
    expect([find(table, back(packet), 0), table.direction]).toEqual([entry, BACK]);
    const { source, destination } = packet;
    const others: TestPacket[] = [
      { ...packet, protocol: TCP },
      { ...packet, source: { ...source, port: 1 } },
      { ...packet, destination: { ...destination, port: 1 } },
      // Ports exchanged, addresses not.
      { ...packet, source: { ...source, port: 1 }, destination: { ...destination, port: source.port } },
      ...[0, 1, 2, 3].flatMap((word) => {
        const changed = ({ address, port }: typeof source) => ({
          address: address.map((w, i) => (i === word ? w ^ 0x0100_0000 : w)),
          port,
        });
        return [
          { ...packet, source: changed(source) },
          { ...packet, destination: changed(destination) },
        ];
      }),
    ];
    for (const other of others) for (const way of [other, back(other)]) expect(find(table, way, 0)).toBe(0);
  }
});

test("a connection of an end with itself goes forward", () => {
  const table = new Connections(newTable());
  const loop = { ...datagram, destination: datagram.source };
  const entry = pass(table, loop, 0);
  expect([find(table, back(loop), 0), table.direction]).toEqual([entry, FORWARD]);
});

/** What the table should hold, by looking at every connection. Times in ticks, as RFCs 4787, 5508 and our defaults have them. */
class Naive {
  readonly all = new Map<string, { owner: number; used: number; replied: boolean; protocol: number }>();
  static life(protocol: number, replied: boolean): number {
    if (protocol === UDP) return replied ? 3000 : 1200;
    if (protocol === ICMP) return 600;
    return replied ? 6000 : 1200;
  }
  static name = ({ source, destination, protocol }: TestPacket): string =>
    `${protocol} ${source.address}:${source.port} ${destination.address}:${destination.port}`;

  /** The connection's name as it was made, and the packet's direction. */
  find(packet: TestPacket, now: number): { name: string; direction: number } | undefined {
    for (const direction of [FORWARD, BACK]) {
      const name = Naive.name(direction === FORWARD ? packet : back(packet));
      const c = this.all.get(name);
      if (c !== undefined && now - c.used <= Naive.life(c.protocol, c.replied)) return { name, direction };
    }
    return undefined;
  }

  pass(packet: TestPacket, now: number, owner: number): void {
    const found = this.find(packet, now);
    if (found === undefined) {
      this.all.delete(Naive.name(back(packet)));
      this.all.set(Naive.name(packet), { owner, used: now, replied: false, protocol: packet.protocol });
      return;
    }
    const c = this.all.get(found.name)!;
    c.used = now;
    if (found.direction === BACK) c.replied = true;
  }

  living(now: number): string[] {
    const living = [...this.all].filter(([, c]) => now - c.used <= Naive.life(c.protocol, c.replied));
    return living.map(([name, c]) => `${name} ${c.owner} ${c.used} ${c.replied}`).sort();
  }
}

/** The table's connections, written as Naive.living() writes them. */
function living(table: Connections, now: number): string[] {
  const end = ({ address, port }: { address: Uint8Array; port: number }): string =>
    `${new Int32Array(address.slice().buffer).join(",")}:${port}`;
  return [...listConnections(table.entries, now)]
    .map(
      (c) =>
        `${c.protocol} ${end(c.source)} ${end(c.destination)} ${c.owner} ${now - c.idleTicks} ${c.state.endsWith("replied")}`,
    )
    .sort();
}

function randomPacket(random: Random): TestPacket {
  const end = () => vm(nextBelow(random, 2), nextBelow(random, 5), nextBelow(random, 3));
  const protocol = [UDP, ICMP, GRE][nextBelow(random, 3)]!;
  return { source: end(), destination: end(), protocol };
}

test("random packets, sweeps and removals leave what a plain list of connections has", () => {
  withSeed((random) => {
    const table = new Connections(newTable({ entries: 4000, owners: 3 }));
    const naive = new Naive();
    let now = nextU32(random) | 0; // the clock may wrap around
    for (let step = 0; step < 20_000; step++) {
      if (nextBelow(random, 10) === 0) now = (now + nextBelow(random, 700)) | 0;
      const packet = randomPacket(random);
      const found = naive.find(packet, now);
      const entry = find(table, packet, now);
      expect(entry !== 0).toBe(found !== undefined);
      if (found !== undefined) expect(table.direction).toBe(found.direction);
      const choice = nextBelow(random, 20);
      if (choice === 0) table.entries.sweep(now, nextBelow(random, table.entries.slots));
      else if (choice === 1 && found !== undefined) {
        expect(table.entries.remove(entry, table.version)).toBeTrue();
        naive.all.delete(found.name);
      } else if (choice > 4) {
        const owner = nextBelow(random, 3);
        expect(pass(table, packet, now, owner)).toBeGreaterThan(0);
        naive.pass(packet, now, owner);
      }
      if (step % 500 === 0) expect(living(table, now)).toEqual(naive.living(now));
    }
    table.entries.sweep(now, table.entries.slots);
    expect(table.entries.size).toBe(naive.living(now).length);
  });
});

test("idle entries go by their protocol's time, and a sweep gives back what they counted: RFC 4787 §4.3, RFC 5508 §3.2", () => {
  const table = new Connections(newTable());
  const { udpNew, udpReplied, icmp, otherNew, otherReplied } = DEFAULT_TIMEOUTS;
  const cases: [number, boolean, number][] = [
    [UDP, false, udpNew],
    [UDP, true, udpReplied],
    [ICMP, false, icmp],
    [ICMP, true, icmp],
    [GRE, false, otherNew],
    [GRE, true, otherReplied],
  ];
  for (const [protocol, replied, seconds] of cases) {
    const packet = { ...datagram, protocol };
    pass(table, packet, 0, 3);
    if (replied) pass(table, back(packet), 0);
    expect(find(table, packet, seconds * 10)).toBeGreaterThan(0);
    expect(table.entries.sweep(seconds * 10, table.entries.slots)).toBe(0);
    expect(find(table, packet, seconds * 10 + 1)).toBe(0);
    expect(table.entries.ownerCount(3)).toBe(1);
    expect(table.entries.sweep(seconds * 10 + 1, table.entries.slots)).toBe(1);
    expect(table.entries.ownerCount(3)).toBe(0);
  }
});

test("other timeouts hold at once for connections that are there", () => {
  const table = new Connections(newTable());
  pass(table, datagram, 0);
  table.entries.setTimeouts({ ...DEFAULT_TIMEOUTS, udpNew: 5 });
  expect(find(table, datagram, 50)).toBeGreaterThan(0);
  expect(find(table, datagram, 51)).toBe(0);
});

test("a sweep in small pieces looks at every slot", () => {
  const table = new Connections(newTable());
  for (let i = 0; i < 500; i++) pass(table, flow(i), 0);
  let removed = 0;
  for (let at = 0; at < table.entries.slots; at += 7) removed += table.entries.sweep(100_000, 7);
  expect([removed, table.entries.size]).toEqual([500, 0]);
});

test("an entry remembered with its version is noticed to be gone, also when another connection has its slot", () => {
  const table = new Connections(newTable({ entries: 1 }));
  const entry = pass(table, datagram, 0);
  const { version } = table;
  expect(table.touch(entry, version, 1)).toBeTrue();
  expect(table.touch(entry, version, 1202)).toBeFalse(); // 120 s after its last use
  expect(table.touch(entry, version, 1201)).toBeTrue();
  expect(table.entries.remove(entry, version)).toBeTrue();
  expect(table.entries.remove(entry, version)).toBeFalse();
  expect(table.touch(entry, version, 2)).toBeFalse();
  expect(table.advance(entry, version, FORWARD, 2)).toBe(0);
  for (let i = 0; i < 1000; i++) {
    if (pass(table, flow(i), 2) === entry) break;
  }
  expect(table.entries.version(entry)).not.toBe(version);
  expect(table.touch(entry, version, 2)).toBeFalse();
});

test("a rule's generation is the entry's own: what another version wrote or asks means nothing", () => {
  withSeed((random) => {
    const table = new Connections(newTable());
    const { entries } = table;
    describePacket(table, datagram);
    const generation = nextU32(random) | 0;
    const entry = table.insert(2, generation, 17, 0);
    const { version } = table;
    expect([entries.ruleGeneration(entry, version), entries.rule(entry), entries.owner(entry)]).toEqual([
      generation,
      17,
      2,
    ]);
    entries.setRule(entry, version, generation + 1, 4);
    expect([entries.ruleGeneration(entry, version), entries.rule(entry)]).toEqual([(generation + 1) | 0, 4]);
    entries.setRule(entry, version - 1, generation + 2, 5); // a thread that was held up
    for (const near of [-2, -1, 0, 1, 2, 3]) {
      expect(entries.ruleGeneration(entry, version)).not.toBe((generation + near) | 0);
      expect(entries.ruleGeneration(entry, version + 1)).not.toBe((generation + near) | 0);
    }
  });
});

test("packets and octets are counted by direction, and a slot's next connection starts at 0", () => {
  const table = new Connections(newTable({ entries: 1 }));
  const { entries } = table;
  const entry = pass(table, datagram, 0);
  entries.count(entry, FORWARD, 1, 100);
  entries.count(entry, FORWARD, 2, 5_000_000_000);
  entries.count(entry, BACK, 1, 7);
  expect([entries.packets(entry, FORWARD), entries.octets(entry, FORWARD)]).toEqual([3, 5_000_000_100]);
  expect([entries.packets(entry, BACK), entries.octets(entry, BACK)]).toEqual([1, 7]);
  const full: number[] = [];
  for (let i = 0; i < 1000 && !full.includes(entry); i++) full.push(pass(table, flow(i), 1));
  expect(full).toContain(entry);
  for (const direction of [FORWARD, BACK])
    expect([entries.packets(entry, direction), entries.octets(entry, direction)]).toEqual([0, 0]);
});

test("an ICMP error belongs to the connection that it quotes a packet of, against it, and keeps it no longer: RFC 5508 §4", () => {
  const table = new Connections(newTable());
  const entry = pass(table, datagram, 0);
  describePacket(table, datagram); // quoted: it went forward, the error comes back
  expect([table.findQuoted(1000), table.direction]).toEqual([entry, BACK]);
  describePacket(table, back(datagram));
  expect([table.findQuoted(1000), table.direction]).toEqual([entry, FORWARD]);
  expect(find(table, datagram, 1201)).toBe(0);
  describePacket(table, flow(5));
  expect(table.findQuoted(0)).toBe(0);
});

test("there is room for as many connections as the table was made for", () => {
  withSeed((random) => {
    const table = new Connections(newTable({ entries: 50_000 }));
    const salt = nextU32(random);
    for (let i = 0; i < 50_000; i++) {
      const packet = flow(i ^ salt, TCP);
      expect(pass(table, packet, 0)).toBeGreaterThan(0);
      answer(table, packet, 0);
    }
    expect(table.entries.size).toBe(50_000);
  });
});

/** A table in which no connection may be replaced, and how many it took. */
function fullTable(): { table: Connections; taken: TestPacket[] } {
  const table = new Connections(newTable({ entries: 1 }));
  const taken: TestPacket[] = [];
  for (let i = 0; taken.length < table.entries.slots; i++) {
    const packet = flow(i, TCP);
    if (pass(table, packet, 0) > 0) {
      taken.push(packet);
      answer(table, packet, 0);
    }
  }
  return { table, taken };
}

test("a full table refuses new connections and leaves those it has undisturbed", () => {
  const { table, taken } = fullTable();
  for (let i = 0; i < 1000; i++) expect(pass(table, flow(1_000_000 + i), 1)).toBe(REFUSED_FULL);
  for (const packet of taken) {
    const entry = find(table, packet, 1);
    expect(table.entries.state(entry)).toBe(ESTABLISHED);
  }
  expect(table.entries.size).toBe(taken.length);
});

test("expired entries of a full table are replaced at once, and counted no more", () => {
  const { table, taken } = fullTable();
  const later = 100_000;
  for (let i = 0; i < taken.length; i++) expect(pass(table, flow(1_000_000 + i), later, 1)).toBeGreaterThan(0);
  expect(table.entries.size).toBe(table.entries.slots);
  expect(table.entries.ownerCount(0) + table.entries.ownerCount(1)).toBe(table.entries.slots);
});

test("of the entries that nobody answered the oldest within reach gives way", () => {
  const table = new Connections(newTable({ entries: 1 })); // two sets: all is within reach, or half
  let now = 0;
  for (let i = 0; i < 10_000; i++) pass(table, flow(i), now++ >> 3);
  const ages = [...listConnections(table.entries, now >> 3)].map((c) => c.idleTicks);
  expect(ages.length).toBe(2 * WAYS);
  expect(Math.max(...ages)).toBeLessThan(100);
});

test("a flood of SYNs keeps nobody out and disturbs no connection: RFC 4987 §3", () => {
  withSeed((random) => {
    const table = new Connections(newTable({ entries: 2000 }));
    const kept: TestPacket[] = [];
    for (let i = 0; i < 1000; i++) {
      kept.push(flow(i, TCP));
      pass(table, kept[i]!, 0);
      answer(table, kept[i]!, 0);
    }
    let now = 0;
    for (let i = 0; i < 50_000; i++) {
      const forged = {
        ...flow(1, TCP),
        source: vm(nextU32(random) | 0, nextU32(random) | 0, nextBelow(random, 65536)),
      };
      expect(pass(table, forged, now)).toBeGreaterThan(0);
      if (i % 100 === 99) now++;
      if (i % 500 !== 499) continue;
      // Somebody comes by, and the answer takes a tenth of a second: 100 forged ones.
      const packet = flow(1_000_000 + i, TCP);
      expect(pass(table, packet, now)).toBeGreaterThan(0);
      expect(table.entries.state(find(table, packet, now + 1))).toBe(SYN_SENT);
      answer(table, packet, now + 1);
      kept.push(packet);
    }
    for (const packet of kept) expect(table.entries.state(find(table, packet, now))).toBe(ESTABLISHED);
  });
});

test("an owner gets its quota of answered entries and no more, whatever the others have", () => {
  const table = new Connections(newTable({ quota: 10 }));
  table.entries.setQuota(2, 3);
  let next = 0;
  const fill = (owner: number): number => {
    for (let taken = 0; ; taken++) {
      const packet = flow(next++);
      if (pass(table, packet, 0, owner) === REFUSED_QUOTA) return taken;
      answer(table, packet, 0);
    }
  };
  expect([fill(1), fill(2), fill(3)]).toEqual([10, 3, 10]);
  expect([1, 2, 3].map((owner) => table.entries.ownerCount(owner))).toEqual([10, 3, 10]);
});

test("at its quota an owner's unanswered entries give way to its new ones, and nobody else's", () => {
  const table = new Connections(newTable({ entries: 1, quota: 20 }));
  for (let i = 0; i < 6; i++) pass(table, flow(i), 0, 1);
  for (let i = 100; i < 400; i++) {
    const entry = pass(table, flow(i), i, 2);
    expect(entry).not.toBe(REFUSED_FULL);
    expect(table.entries.ownerCount(2)).toBeLessThanOrEqual(20);
  }
  expect(table.entries.ownerCount(2)).toBe(20);
  expect(table.entries.ownerCount(1)).toBe(6);
  for (let i = 0; i < 6; i++) expect(table.entries.state(find(table, flow(i), 400))).toBe(UDP_NEW);
});

test("an owner that the table has no count for gets no entry, and no other word is counted in its stead", () => {
  const table = new Connections(newTable({ owners: 4 }));
  const before = table.entries.words.slice(0, table.entries.places.entries);
  for (const owner of [4, 5, 1000, -1]) expect(pass(table, datagram, 0, owner)).toBe(REFUSED_QUOTA);
  expect(table.entries.words.slice(0, table.entries.places.entries)).toEqual(before);
});

test("a table of no size is refused", () => {
  for (const entries of [0, 2 ** 23, Number.NaN]) expect(() => newTable({ entries })).toThrow(RangeError);
  for (const owners of [0, 65537]) expect(() => newTable({ owners })).toThrow(RangeError);
});

test("a million connections take less than 200 MB", () => {
  expect(placesOf(Math.ceil(1_250_000 / WAYS) + 1, 65536).words * 4).toBeLessThan(200e6);
});

test("a connection that is inserted twice is one, and its second packet counts as a packet", () => {
  const table = new Connections(newTable());
  const entry = pass(table, datagram, 0);
  describePacket(table, back(datagram));
  expect([table.insert(1, 1, 1, 0), table.direction]).toEqual([entry, BACK]);
  expect(table.entries.state(entry)).toBe(UDP_REPLIED);
  expect(table.entries.size).toBe(1);
});
