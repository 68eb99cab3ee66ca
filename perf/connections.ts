/**
 * What the connection table costs: first packets, later packets both ways, misses, floods, memory.
 * Alone: `bin/bun perf/connections.ts [connections …]`. Medians of rounds that take the tables in turn; nothing is asserted.
 *
 * Each measure has packets of its own, in random order, of which the first half is not timed: so the caches hold what
 * they would hold in the long run, and not the very connections that are asked for next. To describe a packet is part of each.
 *
 * One by one is how a lone packet is looked up; in bursts is what forwarders do when there is a burst (fastpath/read-ahead.ts): a
 * flow that the flow cache has forgotten is found by its hint, a remembered one is touched, and either is read ahead.
 */
import { nextBelow, nextU32, type Random, seeded } from "#base/random";
import { columns } from "#cli/columns";
import { BACK } from "#fastpath/tables/connection-entries";
import { ConnectionHints } from "#fastpath/tables/connection-hints";
import { createConnectionTable } from "#fastpath/tables/connection-layout";
import { TICKS_PER_SECOND } from "#fastpath/tables/connection-states";
import {
  C_ACKNOWLEDGMENT,
  C_DESTINATION,
  C_FLAGS,
  C_PORTS,
  C_PROTOCOL,
  C_SEQUENCE,
  C_SOURCE,
  Connections,
} from "#fastpath/tables/connections";

const SIZES = [1_000, 100_000, 1_000_000];
const CAPACITY = 1_000_000;
const QUERIES = 1 << 17;
const ROUNDS = 5;
const OWNERS = 256;
const KEY_WORDS = 10; // addresses, ports, protocol
const ACK = 0x10;
const SYN = 0x02;

/** A forwarder's. */
const BURST = 64;

const MEASURES = [
  "insert",
  "find",
  "find, in bursts",
  "find, back",
  "find + advance",
  "touch",
  "touch, in bursts",
  "find, miss",
] as const;
type Measure = (typeof MEASURES)[number];

/** A table with `count` TCP connections, and packets of them in random order. */
class Bench {
  readonly count: number;
  readonly buffer: SharedArrayBuffer;
  readonly nanos: Record<Measure, number[]>;
  readonly #table: Connections;
  readonly #random: Random;
  readonly #keys: Int32Array;
  readonly #queries = new Int32Array(2 * QUERIES * KEY_WORDS);
  /** By connection: entry and version. */
  readonly #made: Int32Array;
  readonly #remembered = new Int32Array(4 * QUERIES);
  readonly #hints: ConnectionHints;
  /** Means nothing: what is read ahead has to go somewhere. */
  sum = 0;
  #now = 0;

  constructor(count: number) {
    this.count = count;
    this.#random = seeded(count);
    const key = Int32Array.of(nextU32(this.#random), nextU32(this.#random));
    this.buffer = createConnectionTable({ entries: CAPACITY, owners: OWNERS, quota: CAPACITY, key });
    new Int32Array(this.buffer).fill(0, 4096); // pages there, as after a while of running
    this.#table = new Connections(this.buffer);
    this.#hints = new ConnectionHints(this.#table.entries.slots);
    this.#keys = new Int32Array((count + 2 * QUERIES) * KEY_WORDS); // the last are never inserted
    for (let i = 0; i < count + 2 * QUERIES; i++) this.#keys.set(this.#anyKey(), i * KEY_WORDS);
    this.#made = new Int32Array(2 * count);
    this.nanos = Object.fromEntries(MEASURES.map((m) => [m, []])) as unknown as Record<Measure, number[]>;
  }

  #anyKey(): number[] {
    const r = this.#random;
    const address = (): number[] => [0, 0, 0x0100_0000 | nextBelow(r, 64), nextU32(r) | 0];
    return [...address(), ...address(), nextU32(r) | 0, 6];
  }

  /** Describes the packet of the `i`th of `keys`. */
  #describe(keys: Int32Array, i: number, flags: number): void {
    const p = this.#table.packet;
    const at = i * KEY_WORDS;
    for (let k = 0; k < KEY_WORDS; k++) p[k] = keys[at + k]!;
    p[C_FLAGS] = flags;
    p[C_SEQUENCE] = i;
    p[C_ACKNOWLEDGMENT] = i;
  }

  #describeBack(q: number): void {
    const p = this.#table.packet;
    const at = q * KEY_WORDS;
    for (let k = 0; k < 4; k++) {
      p[C_DESTINATION + k] = this.#queries[at + k]!;
      p[C_SOURCE + k] = this.#queries[at + 4 + k]!;
    }
    const ports = this.#queries[at + C_PORTS]!;
    p[C_PORTS] = (ports << 16) | (ports >>> 16);
    p[C_PROTOCOL] = this.#queries[at + C_PROTOCOL]!;
    p[C_FLAGS] = ACK;
  }

  round(): void {
    this.#now += TICKS_PER_SECOND;
    this.#insertAll();
    this.#run("find", (i) => {
      this.#describe(this.#queries, i, ACK);
      return this.#table.find(this.#now) !== 0;
    });
    this.#run("find, in bursts", (i) => {
      if ((i & (BURST - 1)) === 0) this.#readHinted(i);
      this.#describe(this.#queries, i, ACK);
      const hinted = this.#table.findAt(this.#hints.at(this.#hintOf(this.#queries, i)), this.#now);
      return (hinted !== 0 ? hinted : this.#table.find(this.#now)) !== 0;
    });
    this.#run("find, back", (i) => {
      this.#describeBack(i);
      return this.#table.find(this.#now) !== 0 && this.#table.direction === BACK;
    });
    this.#now++;
    this.#run("find + advance", (i) => {
      this.#describe(this.#queries, i, ACK);
      const entry = this.#table.find(this.#now);
      return this.#table.advance(entry, this.#table.version, this.#table.direction, this.#now) !== 0;
    });
    this.#now++;
    this.#run("touch", (q) => this.#table.touch(this.#remembered[2 * q]!, this.#remembered[2 * q + 1]!, this.#now));
    this.#now++;
    this.#run("touch, in bursts", (q) => {
      if ((q & (BURST - 1)) === 0) this.#readRemembered(q);
      return this.#table.touch(this.#remembered[2 * q]!, this.#remembered[2 * q + 1]!, this.#now);
    });
    this.#run("find, miss", (q) => {
      this.#describe(this.#keys, this.count + q, ACK);
      return this.#table.find(this.#now) === 0;
    });
  }

  /** Of the connection's flow that goes forward; a random word of the key does for the flow's hash. */
  #hintOf(keys: Int32Array, i: number): number {
    return this.#hints.slotOf(keys[i * KEY_WORDS + C_DESTINATION + 3]!);
  }

  #readHinted(from: number): void {
    let sum = 0;
    for (let i = from; i < from + BURST; i++) sum ^= this.#hints.at(this.#hintOf(this.#queries, i));
    for (let i = from; i < from + BURST; i++) {
      const entry = this.#hints.at(this.#hintOf(this.#queries, i));
      if (entry !== 0) sum ^= this.#table.peek(entry, false);
    }
    this.sum = sum;
  }

  #readRemembered(from: number): void {
    let sum = 0;
    for (let i = from; i < from + BURST; i++) sum ^= this.#table.peek(this.#remembered[2 * i]!, false);
    this.sum = sum;
  }

  #run(measure: Measure, of: (i: number) => boolean): void {
    this.#ask();
    let right = 0;
    let start = 0;
    for (let q = 0; q < 2 * QUERIES; q++) {
      if (q === QUERIES) start = Bun.nanoseconds();
      if (of(q)) right++;
    }
    this.nanos[measure].push((Bun.nanoseconds() - start) / QUERIES);
    if (right !== 2 * QUERIES) throw new Error(`${measure}: ${2 * QUERIES - right} of ${2 * QUERIES} are wrong`);
  }

  /** Chooses the connections that are asked for next. */
  #ask(): void {
    for (let q = 0; q < 2 * QUERIES; q++) {
      const i = nextBelow(this.#random, this.count);
      this.#queries.set(this.#keys.subarray(i * KEY_WORDS, (i + 1) * KEY_WORDS), q * KEY_WORDS);
      this.#remembered[2 * q] = this.#made[2 * i]!;
      this.#remembered[2 * q + 1] = this.#made[2 * i + 1]!;
    }
  }

  /** Fills the table as often as it takes for QUERIES insertions, so that a small one is measured warm as well. */
  #insertAll(): void {
    const fillings = Math.ceil(QUERIES / this.count);
    let nanos = 0;
    for (let i = 0; i < fillings; i++) {
      this.#removeAll();
      nanos += this.#fill();
    }
    this.nanos.insert.push(nanos / fillings);
  }

  #removeAll(): void {
    const { entries } = this.#table;
    const made = this.#made;
    for (let i = 0; i < this.count; i++) if (made[2 * i] !== 0) entries.remove(made[2 * i]!, made[2 * i + 1]!);
  }

  /** Nanoseconds for each of the last insertions, QUERIES at most. */
  #fill(): number {
    const table = this.#table;
    const from = Math.max(0, this.count - QUERIES);
    let start = 0;
    for (let i = 0; i < this.count; i++) {
      if (i === from) start = Bun.nanoseconds();
      this.#describe(this.#keys, i, SYN);
      const entry = table.insert(i % OWNERS, 1, 7, this.#now);
      if (entry <= 0) throw new Error(`no room for connection ${i}`);
      this.#made[2 * i] = entry;
      this.#made[2 * i + 1] = table.version;
    }
    const nanos = (Bun.nanoseconds() - start) / (this.count - from);
    this.#hint();
    return nanos;
  }

  /** As when a packet of each connection has come, and then an answer: each way is a flow, and has its hint. */
  #hint(): void {
    const hints = this.#hints;
    for (let i = 0; i < this.count; i++) {
      hints.put(this.#hintOf(this.#keys, i), this.#made[2 * i]!);
      hints.put(hints.slotOf(this.#keys[i * KEY_WORDS + C_SOURCE + 3]!), this.#made[2 * i]!);
    }
  }

  /** Nanoseconds for a SYN of a flood that has filled the table, and the share of it that was refused. */
  flood(): { nanos: number; refused: number } {
    const table = this.#table;
    const syn = (): number => {
      const p = table.packet;
      for (let k = 0; k < C_PROTOCOL; k++) p[k] = nextU32(this.#random);
      p[C_PROTOCOL] = 6;
      p[C_FLAGS] = SYN;
      return table.insert(1, 1, 7, this.#now);
    };
    for (let i = 0; i < 3 * CAPACITY; i++) syn();
    let refused = 0;
    const start = Bun.nanoseconds();
    for (let i = 0; i < QUERIES; i++) if (syn() <= 0) refused++;
    return { nanos: (Bun.nanoseconds() - start) / QUERIES, refused: refused / QUERIES };
  }

  /** Nanoseconds of one read of an entry's memory that has to wait for the one before: what this machine charges anybody. */
  memory(): number {
    const { words, slots } = this.#table.entries;
    const from = this.#table.entries.at(1);
    const step = this.#table.entries.at(2) - from;
    const order = Int32Array.from({ length: QUERIES }, () => nextBelow(this.#random, slots - 1));
    let last = 0;
    const start = Bun.nanoseconds();
    for (let q = 0; q < QUERIES; q++) last = words[from + (order[q]! + (last & 1)) * step]!;
    return (Bun.nanoseconds() - start) / QUERIES;
  }

  /** Milliseconds of a sweep over all slots. */
  sweep(): number {
    const start = Bun.nanoseconds();
    this.#table.entries.sweep(this.#now, this.#table.entries.slots);
    return (Bun.nanoseconds() - start) / 1e6;
  }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const grouped = (n: number): string => n.toLocaleString("en").replaceAll(",", " ");

/** Prints the table. `sizes`: numbers of connections, up to a million. */
export function measureConnections(sizes: readonly number[] = SIZES): void {
  const benches = sizes.map((count) => new Bench(count));
  for (const bench of benches) bench.round(); // until the compiler has seen it
  for (const { nanos } of benches) for (const m of MEASURES) nanos[m].length = 0;
  for (let round = 0; round < ROUNDS; round++) for (const bench of benches) bench.round();
  const rows = benches.map((bench) => [
    grouped(bench.count),
    ...MEASURES.map((m) => median(bench.nanos[m]).toFixed(0)),
    bench.sweep().toFixed(0),
  ]);
  const heading = ["connections", ...MEASURES, "sweep ms"];
  const last = benches.at(-1)!;
  const memory = median(Array.from({ length: ROUNDS }, () => last.memory()));
  const octets = last.buffer.byteLength;
  process.stdout.write(
    `connection table for ${grouped(CAPACITY)}: ${(octets / 1e6).toFixed(0)} MB, ${(octets / CAPACITY).toFixed(0)} octets each; ` +
      `nanoseconds, random order, median of ${ROUNDS} × ${grouped(QUERIES)}; ` +
      `one random read of its memory: ${memory.toFixed(0)}\n\n` +
      `${columns(
        heading,
        rows,
        heading.map(() => "right" as const),
      )}\n\n`,
  );
  const { nanos, refused } = last.flood();
  process.stdout.write(
    `a SYN of a flood, the table full: ${nanos.toFixed(0)} ns, ${(100 * refused).toFixed(2)} % refused\n`,
  );
}

if (import.meta.main) {
  const sizes = process.argv.slice(2).map(Number);
  measureConnections(sizes.length > 0 ? sizes : SIZES);
}
