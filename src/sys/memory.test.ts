import { describe, expect, test } from "bun:test";
import { Arena, Memory, PAGE, pinned, unpin } from "#sys/memory";

const arenaOf = (size: number, use: (arena: Arena) => void): void => {
  const arena = Arena.map(size);
  try {
    use(arena);
  } finally {
    arena.unmap();
  }
};

describe("the arena", () => {
  test("does not cross a 4 GiB boundary, and touches no memory until it is used", () => {
    const before = process.memoryUsage.rss();
    arenaOf(2 ** 30, ({ address, size, bytes }) => {
      expect(Math.floor(address / 2 ** 32)).toBe(Math.floor((address + size - 1) / 2 ** 32));
      expect(bytes.length).toBe(size);
    });
    expect(process.memoryUsage.rss() - before).toBeLessThan(2 ** 26);
  });

  test("looks the same through views that another thread builds from its address", () => {
    arenaOf(2 ** 16, (arena) => {
      const other = new Memory(arena.address, arena.size);
      arena.bytes.set([1, 2, 3, 4], 8);
      expect(other.words[2]).toBe(0x04030201);
      other.view.setUint16(8, 0xabcd);
      expect(arena.bytes[9]).toBe(0xcd);
    });
  });

  test("hands out aligned, disjoint pieces and joins what is given back", () => {
    arenaOf(2 ** 16, (arena) => {
      const pieces = [100, 4096, 1, 63, 8192].map((octets, i) => ({ octets, at: arena.allocate(octets, 64 << i) }));
      for (const [i, { at }] of pieces.entries()) expect(at % (64 << i)).toBe(0);
      const sorted = pieces.toSorted((a, b) => a.at - b.at);
      for (const [i, { at }] of sorted.slice(1).entries())
        expect(at).toBeGreaterThanOrEqual(sorted[i]!.at + sorted[i]!.octets);
      for (const { at, octets } of [2, 0, 4, 1, 3].map((i) => pieces[i]!)) arena.release(at, octets);
      expect(arena.free).toBe(2 ** 16);
      expect(arena.allocate(2 ** 16)).toBe(0);
      expect(() => arena.allocate(1)).toThrow("packet memory is full: 1 octets wanted, 0 of 65536 free");
    });
  });

  test("does random allocations as a naive book of octets does", () => {
    const seed = Date.now();
    let state = seed;
    const random = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return (state >>> 8) % below;
    };
    arenaOf(2 ** 16, (arena) => {
      const taken = new Uint8Array(2 ** 16);
      const pieces: { at: number; octets: number }[] = [];
      for (let step = 0; step < 2000; step++) {
        if (random(2) === 0 && pieces.length > 0) {
          const { at, octets } = pieces.splice(random(pieces.length), 1)[0]!;
          arena.release(at, octets);
          taken.fill(0, at, at + octets);
        } else if (arena.free > 8192) {
          const octets = 1 + random(700);
          const at = arena.allocate(octets, 1 << random(7));
          expect(
            taken.subarray(at, at + octets).some((octet) => octet === 1),
            `seed ${seed}`,
          ).toBe(false);
          taken.fill(1, at, at + octets);
          pieces.push({ at, octets });
        }
        if (step % 100 === 0) expect(arena.free, `seed ${seed}`).toBe(taken.filter((octet) => octet === 0).length);
      }
    });
  });

  test("notices memory that is given back twice", () => {
    arenaOf(2 ** 16, (arena) => {
      const at = arena.allocate(64);
      arena.allocate(64);
      arena.release(at, 64);
      expect(() => arena.release(at, 64)).toThrow(RangeError);
      expect(() => arena.release(at + 32, 64)).toThrow(RangeError);
      expect(() => arena.release(2 ** 16, 64)).toThrow(RangeError);
    });
  });

  test("gives back what it took for a descriptor that cannot be mapped", () => {
    arenaOf(2 ** 16, (arena) => {
      expect(() => arena.mapOver(9999, PAGE, "ring of x")).toThrow(/mmap ring of x: .*EBADF/);
      expect(arena.free).toBe(2 ** 16);
      arena.bytes[0] = 1; // plain memory again
    });
  });
});

test("pinned memory is zeroed whole pages, and holds C strings", () => {
  const memory = pinned(10);
  expect(memory.size).toBe(PAGE);
  expect(memory.putString(4, "äb")).toBe(memory.address + 4);
  expect([...memory.bytes.subarray(0, 9)]).toEqual([0, 0, 0, 0, 0xc3, 0xa4, 0x62, 0, 0]);
  expect(memory.getString(4, 100)).toBe("äb");
  expect(memory.getString(4, 2)).toBe("ä");
  unpin(memory);
});
