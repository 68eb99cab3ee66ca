/**
 * `npm run perf:pmip`: registrations a second on one anchor that holds 100 000 bindings, and what these cost of memory.
 * Nothing but the core: octets of updates in, octets of acknowledgements out. Each kind in a process of its own, in turns.
 */
import { columns } from "#cli/columns";
import { DEFAULT_LIMITS, DEFAULT_TIMERS, type MobilityConfig } from "#pmip/config";
import { Mobility } from "#pmip/core";
import type { AddressHex, MobilityEffect, MobilityEvent, Subject } from "#pmip/events";
import { hex32, octetsOf } from "#pmip/hex";
import { sign } from "#pmip/packet/authentication";
import { authenticators } from "#pmip/packet/mac";
import type { BindingUpdate, MobilityMessage } from "#pmip/packet/message";
import { readMobility, writeMobility } from "#pmip/packet/mobility";
import { ACCESS_TECHNOLOGY, BINDING_REVOCATION, HANDOFF, UPDATE_ACKNOWLEDGE, UPDATE_PROXY } from "#pmip/packet/numbers";
import { Plan } from "#pmip/plan";
import { freshnessAt } from "#pmip/replay";
import { stampOf, timestampOf } from "#pmip/stamp";
import { nodeOptions } from "#pmip/subject";

const BINDINGS = 100_000;
const HOMES = 1000;
const GATEWAYS = 400;
const CHUNK = 5000;
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const BEGIN = Date.UTC(2026, 0, 1);
const KEY = { spi: 256, secret: "a5".repeat(32) };
const FABRIC = "20010db8";

/** All homes are its own: what computing them costs is in, and every subject is at home here. */
function configOf(isSigned: boolean): MobilityConfig {
  const homes = Array.from({ length: HOMES }, (_, i) => FABRIC + hex32(i + 1));
  return {
    address: `${homes[0]}0000000000000001`,
    hashKey: "000102030405060708090a0b0c0d0e0f",
    homes,
    own: homes.map((_, i) => i),
    fabric: [{ address: FABRIC.padEnd(32, "0"), length: 32 }],
    restartCounter: 1,
    seed: 1,
    timers: DEFAULT_TIMERS,
    limits: DEFAULT_LIMITS,
    ...(isSigned && { authentication: { send: KEY.spi, keys: [KEY] } }),
  };
}

type Received = Extract<MobilityEvent, { type: "received" }>;
type Send = Extract<MobilityEffect, { type: "send" }>;

const isRevocation = ({ octets }: Send): boolean => octets[2] === BINDING_REVOCATION;

/** Makes updates as a gateway would. */
class Gateways {
  readonly #plan: Plan;
  readonly #isSigned: boolean;

  constructor(config: MobilityConfig, isSigned: boolean) {
    this.#plan = new Plan(config);
    this.#isSigned = isSigned;
  }

  update(index: number, gateway: number, now: number, handoff: number): Received {
    const subject: Subject = { tags: 0x401, address: `00000000000000000000ffff${hex32(0x0a00_0001 + index)}` };
    const source = `${FABRIC}ffff${gateway.toString(16).padStart(4, "0")}0000000000000001`;
    const destination = this.#plan.homeOf(subject).lma;
    const message: BindingUpdate = {
      type: "binding-update",
      sequence: index & 0xffff,
      flags: UPDATE_PROXY | UPDATE_ACKNOWLEDGE,
      lifetime: 75,
      options: {
        ...nodeOptions(this.#plan, subject),
        handoff,
        accessTechnology: ACCESS_TECHNOLOGY.VIRTUAL,
        timestamp: timestampOf(stampOf(now)),
        greKey: subject.tags,
        ...(this.#isSigned && { others: [freshnessAt(now)] }),
      },
    };
    return this.#packet(source, destination, message);
  }

  /** Of a Binding Revocation Indication. */
  acknowledge({ source, destination, octets }: Send, now: number): Received {
    const indication = readMobility(octets, octetsOf(source), octetsOf(destination));
    if (typeof indication === "string" || indication.type !== "revocation") throw new Error("no revocation");
    const { sequence, flags } = indication;
    const { mobileNode } = indication.options;
    const options = { mobileNode: mobileNode!, ...(this.#isSigned && { others: [freshnessAt(now)] }) };
    return this.#packet(destination, source, { type: "revocation-ack", status: 0, sequence, flags, options });
  }

  #packet(source: AddressHex, destination: AddressHex, message: MobilityMessage): Received {
    const path = { source: octetsOf(source), destination: octetsOf(destination) };
    const octets = writeMobility(message, path.source, path.destination);
    if (!this.#isSigned) return { type: "received", source, destination, octets };
    const proof = authenticators([{ spi: KEY.spi, algorithm: "hmac-sha-256-128", key: octetsOf(KEY.secret) }]);
    const signing = { careOf: path.source, home: path.destination, ...path };
    return { type: "received", source, destination, octets: sign(octets, signing, KEY.spi, proof) };
  }
}

interface Figures {
  /** Registrations a second. */
  readonly first: number;
  readonly refresh: number;
  readonly handoff: number;
  /** Of the slowest CHUNK of refreshes. */
  readonly slowest: number;
  /** Megabytes that the bindings cost. */
  readonly heap: number;
  readonly resident: number;
}

class Run {
  now = BEGIN;
  readonly #core: Mobility;
  readonly #gateways: Gateways;

  constructor(isSigned: boolean) {
    const config = configOf(isSigned);
    this.#core = new Mobility(config, this.now);
    this.#gateways = new Gateways(config, isSigned);
  }

  /** Every subject once. Seconds for each chunk, the making of the updates apart. */
  pass(gatewayOf: (index: number) => number, handoff: number): number[] {
    const times: number[] = [];
    for (let from = 0; from < BINDINGS; from += CHUNK) {
      this.now += 100;
      const updates = Array.from({ length: CHUNK }, (_, i) =>
        this.#gateways.update(from + i, gatewayOf(from + i), this.now, handoff),
      );
      const sent: Send[] = [];
      const began = Bun.nanoseconds();
      for (const update of updates) this.#tell(update, sent);
      let took = Bun.nanoseconds() - began;
      const acknowledgements = sent.filter(isRevocation).map((one) => this.#gateways.acknowledge(one, this.now));
      if (sent.length !== CHUNK + acknowledgements.length)
        throw new Error(`${sent.length} messages for ${CHUNK} updates`);
      const resumed = Bun.nanoseconds();
      for (const acknowledgement of acknowledgements) this.#tell(acknowledgement, sent);
      took += Bun.nanoseconds() - resumed;
      times.push(took / 1e9);
    }
    return times;
  }

  #tell(event: MobilityEvent, sent: Send[]): void {
    for (const effect of this.#core.handle(event, this.now)) if (effect.type === "send") sent.push(effect);
  }

  check(): void {
    const { sizes, counters } = this.#core.view(0);
    if (sizes.bindings !== BINDINGS) throw new Error(`${sizes.bindings} bindings`);
    if (Object.keys(counters).length > 0) throw new Error(JSON.stringify(counters));
  }
}

const sum = (times: readonly number[]): number => times.reduce((total, time) => total + time, 0);
const rate = (times: readonly number[]): number => BINDINGS / sum(times);

function measure(isSigned: boolean): Figures {
  const warm = new Run(isSigned);
  warm.pass((index) => index % GATEWAYS, HANDOFF.NEW_INTERFACE);
  const heldHeap = heapMegabytes();
  const heldResident = process.memoryUsage.rss() / 1e6;
  const run = new Run(isSigned);
  const first = run.pass((index) => index % GATEWAYS, HANDOFF.NEW_INTERFACE);
  const heap = heapMegabytes() - heldHeap;
  const resident = process.memoryUsage.rss() / 1e6 - heldResident;
  const refresh = run.pass((index) => index % GATEWAYS, HANDOFF.NOT_CHANGED);
  const handoff = run.pass((index) => (index + 1) % GATEWAYS, HANDOFF.BETWEEN_GATEWAYS);
  run.check();
  warm.check();
  const slowest = CHUNK / Math.max(...refresh);
  return { first: rate(first), refresh: rate(refresh), handoff: rate(handoff), slowest, heap, resident };
}

function heapMegabytes(): number {
  Bun.gc(true);
  Bun.gc(true);
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1e6;
}

async function measureAlone(kind: string): Promise<Figures> {
  const child = Bun.spawn([process.execPath, import.meta.path, kind], { stdout: "pipe", stderr: "inherit" });
  return (await new Response(child.stdout).json()) as Figures;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const KINDS = ["unsigned", "signed"] as const;

async function main(): Promise<void> {
  const alone = process.argv[2];
  if (alone !== undefined) {
    process.stdout.write(JSON.stringify(measure(alone === "signed")));
    return;
  }
  const all = new Map<string, Figures[]>(KINDS.map((kind) => [kind, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const kind of round % 2 === 0 ? KINDS : KINDS.toReversed()) all.get(kind)!.push(await measureAlone(kind));
  }
  const heading = ["messages", "first/s", "refresh/s", "slowest 5000, /s", "handoff/s", "heap MB", "RSS MB"];
  const rows = [...all].map(([kind, runs]) => {
    const of = (key: keyof Figures): string => Math.round(median(runs.map((one) => one[key]))).toLocaleString("en");
    return [kind, of("first"), of("refresh"), of("slowest"), of("handoff"), of("heap"), of("resident")];
  });
  process.stdout.write(
    `one anchor's core, ${BINDINGS.toLocaleString("en")} bindings, medians of ${ROUNDS} rounds\n\n` +
      `${columns(heading, rows, ["left", ...heading.slice(1).map(() => "right" as const)])}\n`,
  );
}

await main();
