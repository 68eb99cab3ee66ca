/**
 * What the forwarding table costs: lookups with few and with many destinations, the change of one route, memory.
 * Alone: `bin/bun perf/fib.ts`. Medians of rounds that take the tables in turn; nothing is asserted.
 */
import { nextBelow, type Random, seeded } from "#base/random";
import { columns } from "#cli/columns";
import { FibReader } from "#fastpath/tables/fib-reader";
import { FibWriter } from "#fastpath/tables/fib-writer";
import { ROUTE_SETS, type RouteSet } from "./fib-routes";

const SIZES = [1_000, 100_000, 1_000_000];
const GROUPS = 64; // values in use
const HOT = 16; // destinations of a few big flows
const QUERIES = 1 << 17;
const UPDATES = 20_000;
const ROUNDS = 5;

class Bench {
  readonly name: string;
  readonly count: number;
  readonly writer = new FibWriter();
  readonly loadSeconds: number;
  readonly nanos = { hot: [] as number[], any: [] as number[] };
  readonly #reader: FibReader;
  readonly #random: Random;
  readonly #addresses: Uint8Array;
  readonly #lengths: Uint8Array;
  readonly #queries: { hot: Int32Array; any: Int32Array };

  constructor(set: RouteSet, count: number) {
    this.name = set.name;
    this.count = count;
    this.#random = seeded(count);
    this.#addresses = new Uint8Array(16 * count);
    this.#lengths = new Uint8Array(count);
    for (let i = 0; i < count; i++) {
      const { address, length } = set.prefix(this.#random, i, count);
      this.#addresses.set(address, 16 * i);
      this.#lengths[i] = length;
    }
    const start = Bun.nanoseconds();
    for (let i = 0; i < count; i++) this.#insert(i);
    this.loadSeconds = (Bun.nanoseconds() - start) / 1e9;
    this.#reader = new FibReader(this.writer.buffer);
    this.#queries = { hot: this.#destinations(Math.min(HOT, count)), any: this.#destinations(count) };
  }

  #insert(i: number): void {
    this.writer.insert(this.#address(i), this.#lengths[i]!, 1 + nextBelow(this.#random, GROUPS));
  }

  #address(i: number): Uint8Array {
    return this.#addresses.subarray(16 * i, 16 * i + 16);
  }

  /** Addresses under `routes` different routes in no order, as raw words. */
  #destinations(routes: number): Int32Array {
    const octets = new Uint8Array(16 * QUERIES);
    const stride = Math.floor(this.count / routes);
    for (let q = 0; q < QUERIES; q++) {
      const i = nextBelow(this.#random, routes) * stride;
      octets.set(this.#address(i), 16 * q);
      for (let at = (this.#lengths[i]! + 7) >> 3; at < 16; at++) octets[16 * q + at] = nextBelow(this.#random, 256);
    }
    return new Int32Array(octets.buffer);
  }

  round(): void {
    this.nanos.hot.push(this.#lookUp(this.#queries.hot));
    this.nanos.any.push(this.#lookUp(this.#queries.any));
  }

  /** Nanoseconds a lookup. */
  #lookUp(words: Int32Array): number {
    let found = 0;
    const start = Bun.nanoseconds();
    for (let at = 0; at < words.length; at += 4) if (this.#reader.lookup(words, at) !== 0) found++;
    const nanos = (Bun.nanoseconds() - start) / QUERIES;
    if (found !== QUERIES) throw new Error(`${this.name}: ${QUERIES - found} lookups found no route`);
    return nanos;
  }

  /** Microseconds of each change, sorted: a route goes, comes back, gets another value. It is visible when the call returns. */
  changeRoutes(): number[] {
    const micros: number[] = [];
    while (micros.length < UPDATES) {
      const i = nextBelow(this.#random, this.count);
      const steps = [
        () => this.writer.remove(this.#address(i), this.#lengths[i]!),
        () => this.#insert(i),
        () => this.#insert(i),
      ];
      for (const step of steps) {
        const start = Bun.nanoseconds();
        step();
        micros.push((Bun.nanoseconds() - start) / 1e3);
      }
    }
    return micros.sort((a, b) => a - b);
  }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

function row(bench: Bench): string[] {
  const { writer, count, nanos } = bench;
  const octets = writer.octetsUsed / writer.size;
  const micros = bench.changeRoutes();
  const quantile = (part: number): string =>
    micros[Math.min(micros.length - 1, Math.floor(micros.length * part))]!.toFixed(1);
  return [
    bench.name,
    count.toLocaleString("en").replaceAll(",", " "),
    median(nanos.hot).toFixed(0),
    median(nanos.any).toFixed(0),
    quantile(0.5),
    quantile(0.99),
    quantile(1),
    bench.loadSeconds.toFixed(2),
    octets.toFixed(1),
  ];
}

/** Prints the table. `sizes`: numbers of routes. */
export function measureFib(sizes: readonly number[] = SIZES): void {
  const rows = ROUTE_SETS.flatMap((set) => {
    const benches = sizes.map((count) => new Bench(set, count));
    for (const bench of benches) bench.round(); // until the compiler has seen it
    for (const { nanos } of benches) nanos.hot.length = nanos.any.length = 0;
    for (let round = 0; round < ROUNDS; round++) for (const bench of benches) bench.round();
    return benches.map(row);
  });
  const heading = [
    "routes",
    "number",
    `ns, ${HOT} dest.`,
    "ns, any dest.",
    "change µs p50",
    "p99",
    "max",
    "load s",
    "octets/route",
  ];
  const about = ROUTE_SETS.map((set) => `  ${set.name}: ${set.about}`).join("\n");
  process.stdout.write(
    `forwarding table, median of ${ROUNDS} × ${QUERIES} lookups, ${UPDATES} changes of one route\n${about}\n\n` +
      `${columns(heading, rows, ["left", ...heading.slice(1).map(() => "right" as const)])}\n`,
  );
}

if (import.meta.main) measureFib();
