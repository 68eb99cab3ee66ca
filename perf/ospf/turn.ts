/** One contestant with one area: loaded, refreshed, changed. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cpuTime } from "../peers/measure/cpu";
import type { Kind } from "./area";
import type { Contestant, Running } from "./contestant";
import { Lines } from "./lines";
import { BUN, type Child, SINK, until, type World } from "./world";

/** Milliseconds after its start that a router is left alone, so that nothing waits for MinLSInterval (5 s). */
const SETTLE = 6500;
const PATIENCE = 240; // seconds
/** Milliseconds between changes of the tree: all routers delay computations that follow one another. */
const BETWEEN_CHANGES = 6000;
/** Milliseconds in which traffic passes a router before anything else is asked of it: whoever makes the traffic starts, too. */
const TRAFFIC_ALONE = 2000;
/** Milliseconds in which a router does nothing but forward. */
const IDLE = 4000;
const RATE = 1000; // datagrams a second

export interface TurnOptions {
  readonly lsas: number;
  /** Seconds in which all LSAs are refreshed; 0: not. */
  readonly refresh: number;
  /** Of the tree, each of which is computed; 0: nobody is asked how long that takes. */
  readonly changes: number;
  readonly kind: Kind;
}

export interface Figures {
  /** Milliseconds from the router's first hello that was answered. */
  readonly full: number;
  readonly routes: number;
  /** Seconds of CPU until the routes were in. */
  readonly loadCpu: number;
  /** Milliseconds of a computation: median of those after changes. */
  readonly spf: number;
  /** MiB resident after all. */
  readonly rss: number;
  readonly peak: number;
  /** Seconds of CPU that the refresh of all LSAs takes, beyond what forwarding and waiting take in that time. */
  readonly refreshCpu: number;
  /** LSAs that the speaker had to say again. */
  readonly repeated: number;
  readonly sent: number;
  readonly lost: number;
}

interface SpeakerEvent {
  readonly at: number;
  readonly event: string;
  readonly prefixes?: number;
  readonly repeated?: number;
  readonly pending?: number;
}

/** Nor is anybody to share the processors with the speaker's allocator, which gives memory back a moment later. */
const KEEPS_MEMORY = "MIMALLOC_PURGE_DELAY=-1";

class SpeakerProcess {
  readonly #child: Child;
  readonly #lines: Lines;

  constructor(world: World, { lsas, kind }: TurnOptions) {
    const words = [
      "env",
      KEEPS_MEMORY,
      BUN,
      join(import.meta.dir, "speaker-process.ts"),
      world.name("speaker"),
      "eth0",
      `${lsas}`,
      kind,
    ];
    this.#child = world.talk("speaker", ...words);
    this.#lines = new Lines(this.#child);
  }

  get child(): Child {
    return this.#child;
  }

  tell(order: string): void {
    this.#child.stdin.write(`${order}\n`);
    this.#child.stdin.flush();
  }

  events(name: string): SpeakerEvent[] {
    return this.#lines.all.map((line) => JSON.parse(line) as SpeakerEvent).filter(({ event }) => event === name);
  }

  event(name: string, seconds = PATIENCE): Promise<SpeakerEvent> {
    return until(`the speaker's "${name}"`, seconds, () => this.events(name).at(-1));
  }
}

export async function takeTurn(world: World, contestant: Contestant, options: TurnOptions): Promise<Figures> {
  const { lsas, refresh, changes } = options;
  const folder = world.turn(`${contestant.name}-${lsas}-${Date.now()}`);
  const running = await contestant.start(world, folder);
  const speaker = new SpeakerProcess(world, options);
  const traffic = new Traffic(world);
  try {
    await Bun.sleep(SETTLE);
    await traffic.begin();
    await Bun.sleep(TRAFFIC_ALONE);
    const load = await loaded(running, speaker, Math.min(50, 5 + lsas / 1000));
    const refreshCpu = refresh > 0 ? await refreshed(running, speaker, refresh) : 0;
    const memory = memoryOf(running.pids);
    const spf = changes > 0 ? await changed(running, speaker, changes) : Number.NaN;
    const { sent, lost } = await traffic.end();
    if (lost > 0)
      console.error(`${contestant.name} lost ${lost}: ${(await running.reasons?.()) ?? "it does not say why"}`);
    speaker.tell("counts");
    const { repeated = 0, pending } = await speaker.event("counts");
    if (pending !== 0) console.error(`${contestant.name}: ${pending} LSAs were never acknowledged`);
    return { ...load, spf, ...memory, refreshCpu, repeated, sent, lost };
  } finally {
    await world.end(speaker.child, ...traffic.children);
    await running.stop();
    world.exec(
      "router",
      "sh",
      "-c",
      "ip -6 route flush proto ospf; ip -6 route flush proto bird; ip -6 route flush table main; ip -6 nexthop flush 2>/dev/null; for i in 1 2 3; do ip link set eth$i down; ip link set eth$i up; done",
    );
    await Bun.sleep(1000);
  }
}

/** `pause`: milliseconds between questions, which cost AIN something themselves. */
async function loaded(
  running: Running,
  speaker: SpeakerProcess,
  pause: number,
): Promise<Pick<Figures, "full" | "routes" | "loadCpu">> {
  const before = cpuTime(running.pids).processes;
  speaker.tell("begin");
  const { at: began } = await speaker.event("hello");
  const { prefixes } = await speaker.event("area");
  const full = await until("Full", PATIENCE, () => running.fullAt(), pause);
  const routes = await until("routes", PATIENCE, () => running.routesAt(prefixes!), pause);
  return { full: full - began, routes: routes - began, loadCpu: cpuTime(running.pids).processes - before };
}

async function refreshed(running: Running, speaker: SpeakerProcess, seconds: number): Promise<number> {
  const used = (): number => cpuTime(running.pids).processes;
  await Bun.sleep(2000);
  const idle = used();
  await Bun.sleep(IDLE);
  const [before, began] = [used(), performance.now()];
  speaker.tell(`refresh ${1000 * seconds}`);
  await speaker.event("refreshed");
  await Bun.sleep(500); // acknowledgments
  return used() - before - ((before - idle) * (performance.now() - began)) / IDLE;
}

async function changed(running: Running, speaker: SpeakerProcess, changes: number): Promise<number> {
  const times: number[] = [];
  await Bun.sleep(1500); // or MinLSArrival (1 s) would have it refused
  for (let i = 0; i < changes; i++) {
    speaker.tell("change");
    await Bun.sleep(BETWEEN_CHANGES);
    times.push((await running.spf()) ?? Number.NaN);
  }
  return times.sort((a, b) => a - b)[times.length >> 1]!;
}

function memoryOf(pids: readonly number[]): Pick<Figures, "rss" | "peak"> {
  let [rss, peak] = [0, 0];
  for (const pid of pids) {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const kib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
    rss += kib("VmRSS") / 1024;
    peak += kib("VmHWM") / 1024;
  }
  return { rss, peak };
}

const TRAFFIC = join(import.meta.dir, "traffic.ts");

class Traffic {
  readonly #world: World;
  /** Those that run: whoever began it ends them. */
  readonly children: Child[] = [];
  readonly #ends: (() => Promise<number>)[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  async begin(): Promise<void> {
    const got = this.#start("sink", "count");
    await until("the sink", 10, () => got.all[0]);
    this.#start("source", "send", SINK, `${RATE}`);
  }

  /** Lines that it prints. */
  #start(place: "sink" | "source", ...words: string[]): Lines {
    const child = this.#world.talk(place, BUN, TRAFFIC, ...words);
    const lines = new Lines(child);
    this.children.push(child);
    this.#ends.unshift(async () => {
      child.stdin.end();
      await lines.ended;
      return Number(lines.all.at(-1));
    });
    return lines;
  }

  /** The source first. */
  async end(): Promise<{ sent: number; lost: number }> {
    const counts: number[] = [];
    for (const end of this.#ends) counts.push(await end());
    const [sent, got] = counts as [number, number];
    return { sent, lost: sent - got };
  }
}
