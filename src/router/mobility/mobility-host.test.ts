import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseIpv4 } from "#base/address";
import { Bindings, createBindingTable } from "#fastpath/tables/bindings";
import { createTunnelTable, Tunnels } from "#fastpath/tables/tunnels";
import type { MobilityConfig } from "#pmip/config";
import { DEFAULT_LIMITS, DEFAULT_TIMERS } from "#pmip/config";
import type { MobilityEffect, MobilityEvent } from "#pmip/events";
import { Log } from "#router/log";
import { Claims } from "#router/mobility/claims";
import type { MobilityCore } from "#router/mobility/core-run";
import { type HostedConfig, MobilityHost } from "#router/mobility/mobility-host";
import { Places } from "#router/mobility/places";
import { countRestart } from "#router/mobility/restart-counter";
import { putKey, subjectOf } from "#router/mobility/subjects";
import { type Looked, PARTS, TableLook } from "#router/mobility/table-look";
import { UnixClock } from "#router/mobility/unix-clock";

const ADDRESS = "20010db800a100010000000000000001";
const PEER = "20010db800a100020000000000000001";
const web = subjectOf(0x401, parseIpv4("10.0.0.5")!);
const CONFIG: HostedConfig = {
  ...{ address: ADDRESS, hashKey: "00".repeat(16), homes: ["20010db800a10001"], own: [0], fabric: [] },
  ...{ timers: DEFAULT_TIMERS, limits: DEFAULT_LIMITS },
};

/** A core that answers as it is told to. */
class FakeCore implements MobilityCore {
  readonly config: MobilityConfig;
  readonly events: MobilityEvent[] = [];
  answers: MobilityEffect[] = [];
  fails = false;

  constructor(config: MobilityConfig) {
    this.config = config;
  }

  handle(event: MobilityEvent): MobilityEffect[] {
    this.events.push(event);
    if (this.fails) throw new Error("a defect");
    return this.answers.splice(0);
  }

  deadline(): undefined {}
}

class World {
  readonly done: string[] = [];
  readonly log: string[] = [];
  readonly places: Places;
  readonly forwarder: Bindings;
  readonly host: MobilityHost<FakeCore>;
  restarts = 41;

  constructor() {
    const buffer = createBindingTable({ entries: 100, key: Int32Array.of(1, 2) });
    this.forwarder = new Bindings(buffer);
    this.places = new Places({
      buffer,
      tunnels: new Tunnels(createTunnelTable(10)),
      warn: () => {},
    });
    this.host = new MobilityHost({
      ...{ begin: (config) => new FakeCore(config), config: CONFIG, places: this.places, clock: new UnixClock() },
      log: new Log("debug", (line) => void this.log.push(line)),
      countRestart: () => ++this.restarts,
      send: ({ destination }) => this.done.push(`send to ${destination}`) > 0,
      released: (vm) => void this.done.push(`released ${vm}, then at ${JSON.stringify(this.places.of(web)?.place)}`),
      claimed: (vm, claim) => void this.done.push(`${vm} claimed ${claim}`),
      noted: ({ what }, vm) => void this.done.push(`${what} ${vm}`),
      moved: ({ from, to }) => void this.done.push(`moved from ${JSON.stringify(from?.place)} as ${to.role}`),
    });
  }

  /** As a forwarder does at the first packet to somebody, and at others. */
  asks(ticks: number): void {
    putKey(this.forwarder.key, web);
    this.forwarder.ensure(ticks);
  }

  forwards(ticks: number): void {
    putKey(this.forwarder.key, web);
    const entry = this.forwarder.find();
    this.forwarder.use(this.forwarder.at(entry), 100, ticks);
  }

  attach(): void {
    this.host.attached({ type: "attached", vm: "web", subjects: [web], handoff: false });
  }
}

describe("the host", () => {
  test("carries out what the core wants, places first", () => {
    const world = new World();
    world.attach();
    world.host.core.answers = [
      { type: "note", what: "bri-received", subject: web, peer: PEER },
      { type: "released", vm: "web", subject: web, mag: PEER },
      { type: "whereabouts", subject: web, place: { mag: PEER }, role: "former" },
      { type: "send", source: ADDRESS, destination: PEER, octets: Uint8Array.of(1) },
      { type: "count", name: "some refusal" },
    ];
    world.host.received({ source: PEER, destination: ADDRESS, octets: Uint8Array.of(9) });
    expect(world.done).toEqual([
      "moved from undefined as former",
      "bri-received web",
      "web claimed undefined",
      `released web, then at {"mag":"${PEER}"}`,
      `send to ${PEER}`,
    ]);
    expect(Object.fromEntries(world.host.counters)).toEqual({
      ...{ "messages received": 1, "messages sent": 1, "bri-received": 1, "some refusal": 1 },
    });
    world.host.stop();
  });

  test("whose core fails begins another with a higher restart counter, which is told what is here and with which claim (RFC 5847 §3.4)", async () => {
    const world = new World();
    const first = world.host.core;
    first.answers = [
      { type: "claimed", vm: "web", claim: 1234.5 },
      { type: "whereabouts", subject: web, place: { mag: PEER }, role: "home" },
    ];
    world.attach();
    expect(first.config.restartCounter).toBe(42);
    first.fails = true;
    world.host.wanted(web);
    world.host.wanted(web); // nobody is told while there is no core
    expect(world.log.some((line) => line.includes("defect: Error: a defect"))).toBe(true);
    expect(world.log.some((line) => line.includes('before it failed: {"at"'))).toBe(true);
    while (world.host.core === first) await Bun.sleep(5);
    const { config, events } = world.host.core;
    expect(config.restartCounter).toBe(43);
    expect(events).toEqual([
      { type: "attached", vm: "web", subjects: [web], handoff: false, claim: 1234.5 },
    ] as MobilityEvent[]);
    expect(world.places.of(web)?.place).toEqual({ mag: PEER }); // packets go on meanwhile
    expect(first.events.filter(({ type }) => type === "wanted")).toHaveLength(1);
    world.host.stop();
  });

  test("shows no keys in the log of what a failed core was told", () => {
    const world = new World();
    world.host.core.fails = true;
    const keys = [{ spi: 256, secret: "c0ffee" }];
    world.host.configure({ ...CONFIG, authentication: { send: 256, keys } });
    expect(world.log.join("\n")).toContain('before it failed: {"at"');
    expect(world.log.join("\n")).not.toContain("c0ffee");
    world.host.stop();
  });

  test("tells the core of another configuration, and not of the same one again", () => {
    const world = new World();
    world.host.configure(structuredClone(CONFIG));
    expect(world.host.core.events).toEqual([]);
    world.host.configure({ ...CONFIG, own: [] });
    expect(world.host.core.events).toMatchObject([{ type: "configure", config: { own: [], restartCounter: 42 } }]);
    world.host.stop();
  });

  test("tells of a VM that is gone once, and that its claim is", () => {
    const world = new World();
    world.attach();
    world.host.detached("web");
    world.host.detached("web");
    expect(world.host.core.events.map(({ type }) => type)).toEqual(["attached", "detached"]);
    expect(world.done).toEqual(["web claimed undefined"]);
    world.host.stop();
  });
});

describe("the look at the binding table", () => {
  const IDLE = 300;

  /** At all parts of the table. */
  const pass = (look: TableLook, now: number): Looked => {
    const parts = Array.from({ length: PARTS }, () => look.look(now, IDLE));
    return { wanted: parts.flatMap(({ wanted }) => wanted), used: parts.flatMap(({ used }) => used) };
  };

  test("asks for what no core has said anything of, once in ten looks", () => {
    const world = new World();
    const look = new TableLook(world.places);
    world.asks(1000);
    const wanted = Array.from({ length: 12 }, (_, i) => pass(look, 1000 + i).wanted.length);
    expect(wanted).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    const { entry } = [...world.places.entries()][0]!;
    expect(look.isNew(entry.entry, entry.version)).toBe(false);
    expect(look.isNew(entry.entry, entry.version + 1)).toBe(true); // it has become another's
    world.host.stop();
  });

  test("removes what nobody uses and nobody answered, and tells what is used of that which was", () => {
    const world = new World();
    const look = new TableLook(world.places);
    world.asks(1000);
    pass(look, 1000 + IDLE + 1);
    expect([...world.places.entries()]).toEqual([]);
    world.places.set({ subject: web, place: { mag: PEER }, role: "correspondent" }, 0);
    const { entry } = [...world.places.entries()][0]!;
    expect(pass(look, entry.usedAt + 1).used).toEqual([]); // no packet yet
    world.forwards(entry.usedAt + 5);
    expect(pass(look, entry.usedAt + 10).used).toEqual([web]);
    expect(pass(look, entry.usedAt + 20).used).toEqual([]);
    expect([...world.places.entries()]).toHaveLength(1); // it is the core's to take away
    world.host.stop();
  });
});

test("time follows a clock that is set forward, and does not go back with one that is set back", () => {
  let [monotonic, timeOfDay] = [0, 1_000_000];
  const clock = new UnixClock({ monotonic: () => monotonic, timeOfDay: () => timeOfDay });
  monotonic += 10;
  timeOfDay += 10;
  expect([clock.now(), clock.check()]).toEqual([1_000_010, false]);
  timeOfDay += 5000;
  expect([clock.check(), clock.now(), clock.monotonicOf(1_005_020)]).toEqual([true, 1_005_010, 20]);
  timeOfDay -= 60_000;
  monotonic += 1;
  expect([clock.check(), clock.now()]).toEqual([false, 1_005_011]);
});

test("the restart counter goes up with each start, and begins with the time where its file is lost (RFC 5847 §3.4)", () => {
  const folder = mkdtempSync(join(tmpdir(), "ain-restarts-"));
  const file = join(folder, "hv1.restarts");
  expect(countRestart(file, 1_700_000_000_123)).toBe(1_700_000_000);
  expect(countRestart(file, 1_700_000_000_500)).toBe(1_700_000_001);
  writeFileSync(file, "rubbish");
  expect(countRestart(file, 1_800_000_000_000)).toBe(1_800_000_000);
  writeFileSync(file, "4294967295\n");
  expect(countRestart(file, 0)).toBe(0); // 32 bits
  rmSync(folder, { recursive: true });
});

test("claims outlast the process, and a file of rubbish is as good as none", () => {
  const folder = mkdtempSync(join(tmpdir(), "ain-claims-"));
  const file = join(folder, "hv1.claims");
  const claims = new Claims(file);
  claims.set("web", 1234.5);
  claims.set("db", 99);
  claims.set("db", undefined);
  claims.flush();
  expect(readFileSync(file, "utf8")).toBe('{"web":1234.5}');
  expect([new Claims(file).of("web"), new Claims(file).of("db")]).toEqual([1234.5, undefined]);
  for (const rubbish of ['{"web":"x"}', "[", "7"]) {
    writeFileSync(file, rubbish);
    expect(new Claims(file).of("web")).toBeUndefined();
  }
  rmSync(folder, { recursive: true });
});
