import { describe, expect, test } from "bun:test";
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
