/**
 * What the rules cost: lookups with few and with many flows, compiling all and compiling again after a change, memory;
 * beside asking each rule in turn. Alone: `bin/bun perf/rules.ts`. Nothing is asserted about time; of a sample of packets
 * the answers are compared.
 */
import { nextBelow, type Random, seeded } from "#base/random";
import { columns } from "#cli/columns";
import { type CompiledRules, RuleCompiler } from "#fastpath/tables/rule-compiler";
import { K_PORTS, K_PROTOCOL, KEY_WORDS, ruleNumber } from "#fastpath/tables/rule-layout";
import { lookupRule } from "#fastpath/tables/rules";
import { firstMatch, inPrecedence, type Packet, type Rule } from "#policy/rules";
import { PROTOCOL_TCP } from "#wire/protocol";
import { type RuleSet, ruleSet } from "./rule-set";

const SIZES = [
  { tenants: 100, rules: 1_000 },
  { tenants: 1_000, rules: 10_000 },
];
const HOT = 16; // flows
const QUERIES = 1 << 17;
const LINEAR_QUERIES = 200;
const SAMPLE = 300;
const ROUNDS = 7;
const CHANGES = 21;

class Bench {
  readonly set: RuleSet;
  readonly rules: readonly Rule[];
  readonly compiler = new RuleCompiler<Rule>();
  compiled: CompiledRules<Rule>;
  readonly nanos = { hot: [] as number[], any: [] as number[], linear: [] as number[] };
  readonly compileMillis: number[] = [];
  readonly changeMillis: number[] = [];
  readonly #random: Random;
  readonly #packets: readonly Packet[];
  /** Keys one behind the other. */
  readonly #hot = new Int32Array(KEY_WORDS * QUERIES);
  readonly #any = new Int32Array(KEY_WORDS * QUERIES);

  constructor(set: RuleSet, random: Random) {
    this.set = set;
    this.#random = random;
    this.rules = inPrecedence(set.rules);
    this.compiled = this.compiler.compile(this.rules);
    this.#packets = Array.from({ length: QUERIES }, () => set.packet(random));
    this.#packets.forEach((packet, i) => {
      this.#any.set(keyOf(packet), KEY_WORDS * i);
      this.#hot.set(keyOf(this.#packets[nextBelow(random, HOT)]!), KEY_WORDS * i);
    });
  }

  /** Throws when a lookup and the words of the rules differ. */
  check(): void {
    for (const packet of this.#packets.slice(0, SAMPLE)) {
      const found = this.compiled.rules[ruleNumber(lookupRule(this.compiled.words, keyOf(packet)))];
      const wanted = firstMatch(this.rules, packet);
      if (found !== wanted) throw new Error(`${JSON.stringify(packet)}: ${found?.name} instead of ${wanted?.name}`);
    }
  }

  round(): void {
    this.nanos.hot.push(this.#lookUp(this.#hot));
    this.nanos.any.push(this.#lookUp(this.#any));
    this.nanos.linear.push(this.#lookUpLinearly());
  }

  /** Nanoseconds a lookup, writing the key included. */
  #lookUp(keys: Int32Array): number {
    const { words } = this.compiled;
    const key = new Int32Array(KEY_WORDS);
    let sum = 0;
    const start = Bun.nanoseconds();
    for (let at = 0; at < keys.length; at += KEY_WORDS) {
      for (let i = 0; i < KEY_WORDS; i++) key[i] = keys[at + i]!;
      sum += lookupRule(words, key) & 1;
    }
    const nanos = (Bun.nanoseconds() - start) / QUERIES;
    if (sum < 0) throw new Error("a sum of bits below 0");
    return nanos;
  }

  #lookUpLinearly(): number {
    const start = Bun.nanoseconds();
    let found = 0;
    for (let i = 0; i < LINEAR_QUERIES; i++) {
      if (firstMatch(this.rules, this.#packets[i]!) !== undefined) found++;
    }
    const nanos = (Bun.nanoseconds() - start) / LINEAR_QUERIES;
    if (found === 0) throw new Error("no packet of the sample matches a rule");
    return nanos;
  }

  compileAll(): void {
    const start = Bun.nanoseconds();
    new RuleCompiler<Rule>().compile(this.rules);
    this.compileMillis.push((Bun.nanoseconds() - start) / 1e6);
  }

  /** One rule gets another port. */
  compileChanged(): void {
    const at = nextBelow(this.#random, this.rules.length);
    const port = nextBelow(this.#random, 65536);
    const changed = { ...this.rules[at]!, protocol: PROTOCOL_TCP, destinationPorts: [{ first: port, last: port }] };
    const { icmp: _, ...rule } = changed;
    const start = Bun.nanoseconds();
    this.compiler.compile(this.rules.with(at, rule));
    this.changeMillis.push((Bun.nanoseconds() - start) / 1e6);
  }
}

function keyOf({ source, destination, protocol, ports, icmp }: Packet): Int32Array {
  const key = new Int32Array(KEY_WORDS);
  const octets = new DataView(key.buffer);
  [source.tags, source.host, destination.tags, destination.host].forEach((word, i) => {
    octets.setUint32(4 * i, word);
  });
  if (ports !== undefined) octets.setUint32(4 * K_PORTS, ((ports.source << 16) | ports.destination) >>> 0);
  if (icmp !== undefined) octets.setUint16(4 * K_PORTS, (icmp.type << 8) | icmp.code);
  key[K_PROTOCOL] = protocol;
  return key;
}

const sorted = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b);
const median = (values: readonly number[]): number => sorted(values)[values.length >> 1]!;

function row(bench: Bench): string[] {
  const { set, rules, nanos, compiled, compileMillis, changeMillis } = bench;
  return [
    `${set.rules.length - set.defaults}`,
    `${set.tenants}`,
    `${rules.length}`,
    median(nanos.hot).toFixed(0),
    median(nanos.any).toFixed(0),
    (median(nanos.linear) / 1e3).toFixed(0),
    median(compileMillis).toFixed(0),
    median(changeMillis).toFixed(1),
    sorted(changeMillis).at(-1)!.toFixed(1),
    (compiled.words.byteLength / 1024).toFixed(0),
  ];
}

/** Prints the table. */
export function measureRules(sizes: readonly { readonly tenants: number; readonly rules: number }[] = SIZES): void {
  const benches = sizes.map((size) => {
    const random = seeded(size.rules);
    return new Bench(ruleSet(random, size), random);
  });
  for (const bench of benches) {
    bench.check();
    bench.round(); // until the compiler has seen it
    bench.nanos.hot.length = bench.nanos.any.length = bench.nanos.linear.length = 0;
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const bench of benches) {
      bench.round();
      bench.compileAll();
    }
  }
  for (const bench of benches) for (let i = 0; i < CHANGES; i++) bench.compileChanged();
  const heading = [
    "rules",
    "tenants",
    "with defaults",
    `ns, ${HOT} flows`,
    "ns, any flow",
    "one by one µs",
    "compile ms",
    "one changed ms",
    "most",
    "KiB",
  ];
  process.stdout.write(
    `\nrules, median of ${ROUNDS} × ${QUERIES} lookups, ${ROUNDS} compilations, ${CHANGES} changes of one rule\n\n` +
      `${columns(
        heading,
        benches.map(row),
        heading.map(() => "right" as const),
      )}\n`,
  );
}

if (import.meta.main) measureRules();
