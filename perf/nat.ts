/**
 * What a gateway's translation costs: new flows, known ones, lookups of bindings from either side, refusals, sweeps, memory.
 * Alone: `bin/bun perf/nat.ts`. Medians of rounds that take the tables in turn; nothing is asserted.
 */
import { nextBelow, nextU32, type Random, seeded } from "#base/random";
import { columns } from "#cli/columns";
import { createConnectionTable } from "#fastpath/tables/connection-layout";
import { C_DESTINATION, C_PORTS, C_PROTOCOL, C_SOURCE, Connections } from "#fastpath/tables/connections";
import { Nat, sessionOwners } from "#fastpath/tables/nat";
import { createNatTable, PORTS } from "#fastpath/tables/nat-layout";

const SIZES = [64_000, 1_000_000];
const ROUNDS = 5;
const QUERIES = 1 << 16;
const POOL = 32;
const BLOCK = 64;
const BLOCKS_EACH = 16;
/** Bindings of an inside address: all of its blocks' but one in sixteen, so that a port is found soon. */
const EACH = BLOCK * BLOCKS_EACH - BLOCK;
const UDP = 17;
const OUTSIDE_TAGS = 0x0100_0000;
const REMOTE = 0x0808_0808;

const MEASURES = [
  "new flow",
  "known flow, out",
  "known flow, in",
  "binding by inside",
  "binding by outside",
  "unbound, in",
  "remembered",
] as const;
type Measure = (typeof MEASURES)[number];

class Bench {
  readonly count: number;
  readonly table: SharedArrayBuffer;
  readonly sessions: SharedArrayBuffer;
  readonly nanos: Record<Measure, number[]>;
  readonly grownOctets: number;
  readonly #nat: Nat;
  readonly #random: Random;
  readonly #outside: Int32Array;
  readonly #remembered = new Int32Array(2 * QUERIES);
  readonly #order = new Int32Array(QUERIES);
  #now = 0;
  #made = 0;

  constructor(count: number) {
    this.count = count;
    this.#random = seeded(count);
    const key = Int32Array.of(nextU32(this.#random), nextU32(this.#random));
    const before = process.memoryUsage.rss();
    this.table = createNatTable({
      addresses: Array.from({ length: POOL }, (_, i) => Uint8Array.of(203, 0, 113, i)),
      blockSize: BLOCK,
      shares: [
        {
          ranges: Array.from({ length: POOL }, (_, address) => ({ address, firstPort: 1024, ports: PORTS - 1024 })),
          blocksEach: BLOCKS_EACH,
        },
      ],
      bindings: count + QUERIES,
      subscribers: Math.ceil(count / EACH) + 1000,
      logged: 4096,
      key,
      timing: { rest: 0, linger: 0, tcp: 0, udp: 0, icmp: 0 },
    });
    const owners = sessionOwners(count + QUERIES);
    this.sessions = createConnectionTable({ entries: count + QUERIES, owners, quota: 1000, key });
    this.#nat = new Nat(this.table, new Connections(this.sessions), { filtering: "endpoint-independent", seed: 99 });
    this.#outside = new Int32Array(2 * count);
    this.nanos = Object.fromEntries(MEASURES.map((m) => [m, []])) as unknown as Record<Measure, number[]>;
    for (let i = 0; i < count; i++) this.#make(i);
    this.grownOctets = process.memoryUsage.rss() - before;
  }

  /** Describes the packet of flow `i` from inside. */
  #describe(i: number): void {
    const p = this.#nat.packet;
    p[C_SOURCE + 2] = 0x0700_0000;
    p[C_SOURCE + 3] = Math.floor(i / EACH);
    p[C_DESTINATION + 2] = OUTSIDE_TAGS;
    p[C_DESTINATION + 3] = REMOTE;
    p[C_PORTS] = (i % EACH) + 1024 + (0x3500 << 16);
    p[C_PROTOCOL] = UDP;
  }

  #describeIn(): void {
    const p = this.#nat.packet;
    p.fill(0, C_SOURCE, C_SOURCE + 2);
    p[C_SOURCE + 2] = OUTSIDE_TAGS;
    p[C_SOURCE + 3] = REMOTE;
    p[C_PORTS] = 0x3500;
    p[C_PROTOCOL] = UDP;
  }

  #make(i: number): void {
    this.#describe(i);
    const binding = this.#nat.outbound(0, this.#now);
    if (binding < 0) throw new Error(`flow ${i} is refused: ${binding}`);
    this.#outside[2 * i] = this.#nat.bindings.outsideAddress(binding);
    this.#outside[2 * i + 1] = this.#nat.bindings.outsidePort(binding);
  }

  round(): void {
    const nat = this.#nat;
    const order = this.#order;
    for (let q = 0; q < QUERIES; q++) order[q] = nextBelow(this.#random, this.count);
    this.#now++;
    this.#run("known flow, out", (q) => {
      this.#describe(order[q]!);
      return nat.outbound(0, this.#now) > 0;
    });
    this.#run("known flow, in", (q) => {
      const i = 2 * order[q]!;
      this.#describeIn();
      return nat.inbound(this.#outside[i]!, this.#outside[i + 1]!, this.#now) > 0;
    });
    this.#run("binding by inside", (q) => {
      this.#describe(order[q]!);
      nat.bindings.describe(nat.packet, C_SOURCE, nat.packet[C_PORTS]!, UDP);
      return nat.bindings.find() > 0;
    });
    this.#run("binding by outside", (q) => {
      const i = 2 * order[q]!;
      return nat.bindings.findOutside(this.#outside[i]!, this.#outside[i + 1]!, UDP) > 0;
    });
    this.#run("unbound, in", (q) => {
      this.#describeIn();
      return nat.inbound(this.#outside[2 * order[q]!]!, ((q & 0xff) << 8) | ((q >> 8) & 3), this.#now) < 0; // below 1024
    });
    this.#rememberAll();
    this.#newFlows();
  }

  #rememberAll(): void {
    for (let q = 0; q < QUERIES; q++) {
      this.#describe(this.#order[q]!);
      this.#nat.outbound(0, this.#now);
      this.#remembered[2 * q] = this.#nat.session;
      this.#remembered[2 * q + 1] = this.#nat.version;
    }
    this.#now++;
    const { sessions } = this.#nat;
    this.#run(
      "remembered",
      (q) => sessions.advance(this.#remembered[2 * q]!, this.#remembered[2 * q + 1]!, 0, this.#now) > 0,
    );
  }

  /** Flows of inside addresses that come and go: session, binding, port, block and subscriber, all new. */
  #newFlows(): void {
    const nat = this.#nat;
    const from = this.count + EACH * (1 + (this.#made++ % 2) * 64);
    let made = 0;
    const start = Bun.nanoseconds();
    for (let i = 0; i < QUERIES / 2; i++) {
      this.#describe(from + i);
      if (nat.outbound(0, this.#now) > 0) made++;
    }
    this.nanos["new flow"].push((Bun.nanoseconds() - start) / (QUERIES / 2));
    if (made !== QUERIES / 2) throw new Error(`${made} of ${QUERIES / 2} new flows`);
    this.#endNew(from);
  }

  /** Takes the new flows away again: their sessions, then bindings and blocks, which keep nothing waiting here. */
  #endNew(from: number): void {
    const nat = this.#nat;
    for (let i = 0; i < QUERIES / 2; i++) {
      this.#describe(from + i);
      if (nat.outbound(0, this.#now) > 0) nat.sessions.entries.remove(nat.session, nat.version);
    }
    this.#now += 2;
    const { bindings } = nat;
    for (let i = 0; i < 2; i++) bindings.sweep(this.#now, Math.max(bindings.slots, bindings.places.blockCount));
  }

  #run(measure: Measure, of: (q: number) => boolean): void {
    let right = 0;
    const start = Bun.nanoseconds();
    for (let q = 0; q < QUERIES; q++) if (of(q)) right++;
    this.nanos[measure].push((Bun.nanoseconds() - start) / QUERIES);
    if (right !== QUERIES) throw new Error(`${measure}: ${QUERIES - right} of ${QUERIES} are wrong`);
  }

  /** Milliseconds of a sweep over everything. */
  sweep(): number {
    const { bindings, sessions } = this.#nat;
    const start = Bun.nanoseconds();
    sessions.entries.sweep(this.#now, sessions.entries.slots);
    bindings.sweep(this.#now, Math.max(bindings.slots, bindings.places.blockCount));
    return (Bun.nanoseconds() - start) / 1e6;
  }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const grouped = (n: number): string => n.toLocaleString("en").replaceAll(",", " ");
const megabytes = (octets: number): string => (octets / 1e6).toFixed(0);

/** Prints the table. `sizes`: numbers of bindings, each with a session. */
export function measureNat(sizes: readonly number[] = SIZES): void {
  const benches = sizes.map((count) => new Bench(count));
  for (const bench of benches) bench.round(); // until the compiler has seen it
  for (const { nanos } of benches) for (const m of MEASURES) nanos[m].length = 0;
  for (let round = 0; round < ROUNDS; round++) for (const bench of benches) bench.round();
  const heading = ["bindings", ...MEASURES, "sweep ms", "NAT MB", "sessions MB", "resident MB"];
  const rows = benches.map((bench) => [
    grouped(bench.count),
    ...MEASURES.map((m) => median(bench.nanos[m]).toFixed(0)),
    bench.sweep().toFixed(0),
    megabytes(bench.table.byteLength),
    megabytes(bench.sessions.byteLength),
    megabytes(bench.grownOctets),
  ]);
  const alignment = heading.map(() => "right" as const);
  process.stdout.write(
    `NAT, ${POOL} pool addresses, blocks of ${BLOCK} ports; nanoseconds, random order, median of ${ROUNDS} × ${grouped(QUERIES)}\n\n` +
      `${columns(heading, rows, alignment)}\n\n`,
  );
}

if (import.meta.main) measureNat();
