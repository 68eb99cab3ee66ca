import { describe, expect, test } from "bun:test";
import { enterTurn, leaveTurn } from "#fastpath/tables/grace";
import { GroupReader, GroupWriter, type Member } from "#fastpath/tables/groups";

const OWN = Uint8Array.of(2, 0, 0, 0, 0, 1);
const writerWith = (count: number): { writer: GroupWriter; members: Member[] } => {
  const writer = new GroupWriter(7);
  const members = Array.from({ length: count }, (_, i) => ({
    adjacency: writer.add({ port: i, mtu: 1500 + i, ownMac: OWN }),
    weight: 1,
    key: `up${i} fe80::${i}`,
  }));
  return { writer, members };
};
const hashes = Array.from({ length: 20_000 }, (_, i) => Math.imul(i + 1, 0x85ebca6b));

describe("adjacencies", () => {
  test("a MAC address comes whole, with the router's own beside it", () => {
    const { writer, members } = writerWith(1);
    const reader = new GroupReader(writer.buffer);
    const index = members[0]!.adjacency;
    expect(reader.isResolved(index)).toBe(false);
    const record = new Int32Array(3);
    for (const last of [0x11, 0x22, 0x33]) {
      const mac = Uint8Array.of(0xaa, 0xbb, 0xcc, 0xdd, 0xee, last);
      writer.set(index, mac);
      expect(reader.isResolved(index)).toBe(true);
      reader.copyMacs(index, record, 0);
      expect([...new Uint8Array(record.buffer)]).toEqual([...mac, ...OWN]);
      expect(reader.hasMac(index, mac, 0)).toBe(true);
      expect(reader.hasMac(index, OWN, 0)).toBe(false);
    }
    writer.set(index, "failed");
    expect([reader.isResolved(index), reader.hasFailed(index)]).toEqual([false, true]);
    expect([reader.port(index), reader.mtu(index)]).toEqual([0, 1500]);
  });
});

describe("groups", () => {
  test("flows are spread evenly over up to 64 next hops, by weight (RFC 2992)", () => {
    for (const count of [1, 2, 3, 4, 16, 64]) {
      const { writer, members } = writerWith(count);
      const group = writer.groupFor(members);
      const reader = new GroupReader(writer.buffer);
      const hits = new Map<number, number>();
      for (const hash of hashes) {
        const adjacency = reader.pick(group, hash);
        hits.set(adjacency, (hits.get(adjacency) ?? 0) + 1);
      }
      expect(hits.size).toBe(count);
      for (const n of hits.values()) expect(Math.abs(n / (hashes.length / count) - 1)).toBeLessThan(0.35);
    }
  });

  test("when a next hop leaves, at most a tenth of the other flows move", () => {
    const { writer, members } = writerWith(8);
    const before = writer.groupFor(members);
    const after = writer.groupFor(members.slice(1));
    const reader = new GroupReader(writer.buffer);
    const stayed = hashes.filter((hash) => reader.pick(before, hash) !== members[0]!.adjacency);
    const moved = stayed.filter((hash) => reader.pick(before, hash) !== reader.pick(after, hash));
    expect(moved.length / stayed.length).toBeLessThan(0.1);
  });

  test("a group in another's place moves no flow of the next hops that stay", () => {
    const { writer, members } = writerWith(8);
    const before = writer.groupFor(members);
    const fewer = writer.groupFor(members.slice(1), before);
    const reader = new GroupReader(writer.buffer);
    const stayed = hashes.filter((hash) => reader.pick(before, hash) !== members[0]!.adjacency);
    expect(stayed.every((hash) => reader.pick(fewer, hash) === reader.pick(before, hash))).toBe(true);
  });

  test("routers in a row do not choose alike: of the flows that take one way, half take either at the next", () => {
    const picks = (seed: number): ((hash: number) => number) => {
      const writer = new GroupWriter(seed);
      const members = [0, 1].map((port) => {
        return { adjacency: writer.add({ port, mtu: 1500, ownMac: OWN }), weight: 1, key: `up${port}` };
      });
      const group = writer.groupFor(members);
      const reader = new GroupReader(writer.buffer);
      return (hash) => reader.pick(group, hash);
    };
    for (const [here, there] of [
      [1, 2],
      [0x0100_0000, 0x0200_0000],
      [0, 0x8000_0000],
    ] as const) {
      const [first, second] = [picks(here), picks(there)];
      const same = hashes.filter((hash) => first(hash) === 0);
      const share = same.filter((hash) => second(hash) === 0).length / same.length;
      expect(Math.abs(share - 0.5)).toBeLessThan(0.05);
    }
  });

  test("a group let go is not used again before the turn ends in which a forwarder may have found it", () => {
    const turns = new Int32Array(new SharedArrayBuffer(4));
    const writer = new GroupWriter(7, turns);
    const members = [0, 1, 2].map((port) => {
      return { adjacency: writer.add({ port, mtu: 1500, ownMac: OWN }), weight: 1, key: `up${port}` };
    });
    enterTurn(turns, 0);
    const first = writer.groupFor(members.slice(0, 1));
    writer.release(first);
    const second = writer.groupFor(members.slice(1, 2));
    expect(second).not.toBe(first);
    leaveTurn(turns, 0);
    writer.release(second);
    const used = [writer.groupFor(members), writer.groupFor(members.slice(0, 2))];
    expect(used.sort()).toEqual([first, second].sort());
  });

  test("the same members in any order are one group, kept until its last reference goes", () => {
    const { writer, members } = writerWith(3);
    const group = writer.groupFor(members);
    expect(writer.groupFor([...members].reverse())).toBe(group);
    writer.release(group);
    expect(writer.groupFor(members)).toBe(group);
    writer.release(group);
    writer.release(group);
    expect(() => writer.release(group)).toThrow("no group");
    expect(() => writer.groupFor([])).toThrow("1 to 64");
  });
});

describe("a group of one owner", () => {
  test("changes its members in place: only the flows of the one that goes move, and they come back with it", () => {
    const { writer, members } = writerWith(4);
    const group = writer.ownGroup(members);
    const reader = new GroupReader(writer.buffer);
    const before = hashes.map((hash) => reader.pick(group, hash));
    writer.redeal(group, members.slice(1));
    hashes.forEach((hash, i) => {
      const now = reader.pick(group, hash);
      expect(now).not.toBe(members[0]!.adjacency);
      if (before[i] !== members[0]!.adjacency) expect(now).toBe(before[i]!);
    });
    writer.redeal(group, members);
    const back = hashes.filter((hash) => reader.pick(group, hash) === members[0]!.adjacency).length;
    expect(Math.abs(back / (hashes.length / 4) - 1)).toBeLessThan(0.35);
  });

  test("is no other's, though its members are the same, and goes with its last reference", () => {
    const { writer, members } = writerWith(2);
    const own = writer.ownGroup(members);
    const shared = writer.groupFor(members);
    expect(shared).not.toBe(own);
    expect(() => writer.redeal(shared, members)).toThrow("is shared");
    writer.retain(own);
    writer.release(own);
    writer.redeal(own, members.slice(1));
    writer.release(own);
    expect(() => writer.retain(own)).toThrow("no group");
    expect(writer.groupFor(members)).toBe(shared);
  });
});
