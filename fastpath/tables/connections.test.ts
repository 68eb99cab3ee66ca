import { expect, test } from "bun:test";
import { nextBelow, nextU32, type Random } from "#base/random";
import { BACK, FORWARD } from "#fastpath/tables/connection-entries";
import { listConnections } from "#fastpath/tables/connection-list";
import { DEFAULT_TIMEOUTS, UDP_REPLIED } from "#fastpath/tables/connection-states";
import { Connections } from "#fastpath/tables/connections";
import {
  back,
  describePacket,
  find,
  flow,
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

const datagram: TestPacket = { source: vm(7, 1, 5353), destination: vm(7, 2, 53), protocol: UDP };

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

test("a connection that is inserted twice is one, and its second packet counts as a packet", () => {
  const table = new Connections(newTable());
  const entry = pass(table, datagram, 0);
  describePacket(table, back(datagram));
  expect([table.insert(1, 1, 1, 0), table.direction]).toEqual([entry, BACK]);
  expect(table.entries.state(entry)).toBe(UDP_REPLIED);
  expect(table.entries.size).toBe(1);
});
