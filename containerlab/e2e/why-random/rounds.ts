/**
 * Rounds of cases: all of one are predicted, sent, and compared with what came of them. Between prediction and packet the
 * routers' tables may change by themselves (a binding is forgotten, a neighbor is asked for), so a case that is not as
 * predicted is asked and sent once more, alone; what differs twice is a defect.
 */
import { formatMac } from "#base/address";
import { toHex } from "#base/bytes";
import { ClientError } from "#cli/client";
import { jsonLines, openStream } from "#cli/streams";
import { type FabricView, type KnownRouter, viewFabric } from "#cli/why/fabric-view";
import { compare } from "#cli/why/live";
import { headersText } from "#cli/why/why-text";
import type { TracedPacket, TraceLine } from "#router/watch/views";
import { headersOf } from "#router/why/headers";
import type { TestLab } from "../test-lab";
import type { Case } from "./cases";
import {
  type Arrival,
  type Counts,
  comparable,
  countsOf,
  growth,
  isAtLeast,
  type Observation,
  octetsOfHex,
  serialOf,
} from "./observation";
import { answersOf, asksHome, isNatted, type Prediction, predict, predictLoose } from "./prediction";
import { ROUTERS, UNANSWERED } from "./world";

/** Where a node's frames come in. */
export interface Place {
  readonly router: string;
  readonly port: string;
}

/** A case with its number, its frame, and what is said of it. */
interface Asked {
  readonly of: Case;
  readonly serial: number;
  readonly frame: Uint8Array;
  readonly prediction: Prediction;
  /** How often it is sent; the second time what is remembered of the flow may decide. */
  readonly times: number;
}

export interface Done {
  readonly of: Case;
  readonly prediction: Prediction;
  readonly arrivals: readonly Arrival[];
}

/** Predictions under way at a time. */
const AT_ONCE = 8;

export class Rounds {
  readonly #lab: TestLab;
  readonly #observation: Observation;
  readonly #placeOf: (node: string) => Place;
  #view: FabricView | undefined;
  #serial = 0;
  /** Those that were as predicted. */
  readonly done: Done[] = [];
  /** Those that were so only when asked again, and what differed at first. */
  readonly again: string[] = [];
  readonly differing: string[] = [];
  /** How many were compared stage by stage. */
  traced = 0;

  constructor(lab: TestLab, observation: Observation, placeOf: (node: string) => Place) {
    this.#lab = lab;
    this.#observation = observation;
    this.#placeOf = placeOf;
  }

  /** VMs have moved: who has which is asked again. */
  forget(): void {
    this.#view = undefined;
  }

  /** @param isTraced they are compared stage by stage too, and none takes the short way of a flow that is remembered. */
  async run(cases: readonly Case[], isTraced: boolean): Promise<void> {
    let left = cases;
    while (left.length > 0) {
      const { now, later } = await this.#ask(left, isTraced);
      left = later;
      const found = await this.#send(now, isTraced);
      const wrong = now.filter(({ serial }) => found.has(serial));
      for (const { of, serial } of wrong) await this.#secondTime(of, found.get(serial)!, isTraced);
    }
  }

  async #secondTime(of: Case, first: string, isTraced: boolean): Promise<void> {
    await this.#settled();
    const { now } = await this.#ask([of], isTraced);
    const found = await this.#send(now, isTraced);
    const second = found.get(now[0]!.serial);
    if (second === undefined) this.again.push(`${of.what}: ${first}`);
    else this.differing.push(`${of.what}\n${second}\n  frame ${hexOf(now[0]!.frame)}\n${walkText(now[0]!)}`);
  }

  /** Those that can be under way together, predicted; the others are for later. */
  async #ask(cases: readonly Case[], isTraced: boolean): Promise<{ now: Asked[]; later: Case[] }> {
    await this.#settled();
    this.#view ??= await viewFabric(new Map(ROUTERS.map((name) => [name, this.#lab.socket(name)])));
    const view = this.#view;
    const asked = await inParallel(cases, (each, i) => this.#predict(view, each, !isTraced && i % 3 === 0));
    const now: Asked[] = [];
    const later: Case[] = [];
    const states = new Set<string>();
    for (const each of asked) {
      const keys = statesOf(each);
      const isAlone = keys.some((key) => states.has(key)) || (now.length > 0 && isBarrier(each));
      if (isAlone || now.some(isBarrier)) later.push(each.of);
      else now.push(each);
      for (const key of keys) if (!isAlone) states.add(key);
    }
    return { now, later };
  }

  async #predict(view: FabricView, of: Case, isTwice: boolean): Promise<Asked> {
    const serial = ++this.#serial;
    const place = this.#placeOf(of.node);
    const from = view.routers.find(({ name }) => name === place.router)!;
    const words = of.words?.(serial);
    const own = of.frame(serial);
    const prediction = await predict(view, from, words ?? { port: place.port, frame: toHex(own) });
    const frame = words === undefined ? own : octetsOfHex(answersOf(prediction.walk)[0]!.packet.octets);
    const times = isTwice && statesOf({ of, prediction }).length === 0 && !isNatted(prediction) ? 2 : 1;
    return { of, serial, frame, prediction, times };
  }

  /** Sends them. Gives by number what was not as predicted. */
  async #send(asked: readonly Asked[], isTraced: boolean): Promise<Map<number, string>> {
    this.#observation.take();
    const before = await countsOf(this.#lab);
    const traces = isTraced ? await Traces.start(this.#view!.routers) : undefined;
    const arrived = new Map<number, Arrival[]>();
    for (const { of, frame, times } of asked) for (let i = 0; i < times; i++) this.#observation.send(of.node, frame);
    const isThere = (): boolean => {
      for (const [serial, more] of this.#observation.take())
        arrived.set(serial, [...(arrived.get(serial) ?? []), ...more]);
      return asked.every(
        (each) => (arrived.get(each.serial)?.length ?? 0) >= each.prediction.arrivals.length * each.times,
      );
    };
    await within(PATIENCE, isThere);
    await inParallel(asked, ({ prediction }) => predictLoose(this.#view!, prediction));
    await within(PATIENCE, isThere);
    const counted = await this.#counted(asked, before);
    await Bun.sleep(QUIET);
    isThere();
    const seen = (await traces?.stop()) ?? new Map<number, TracedPacket[]>();
    const found = new Map<number, string>();
    for (const each of asked) {
      const arrivals = arrived.get(each.serial) ?? [];
      const wrong = [
        ...arrivalsWrong(each, arrivals),
        ...(isTraced ? stagesWrong(each, seen.get(each.serial) ?? []) : []),
      ];
      if (wrong.length > 0) found.set(each.serial, wrong.join("\n"));
      else {
        this.done.push({ of: each.of, prediction: each.prediction, arrivals });
        if (isTraced) this.traced++;
      }
    }
    if (found.size === 0)
      for (const { serial } of suspects(asked, counted)) found.set(serial, counted.map(countText).join("\n"));
    return found;
  }

  /** Waits until what is predicted is counted; gives what is not. */
  async #counted(asked: readonly Asked[], before: Counts): Promise<Miscount[]> {
    const expected = new Map<string, number>();
    for (const { prediction, times } of asked)
      for (const [name, frames] of prediction.counts) expected.set(name, (expected.get(name) ?? 0) + frames * times);
    let wrong: Miscount[] = [];
    await within(PATIENCE, async () => {
      wrong = miscounts(expected, growth(before, await countsOf(this.#lab)));
      return wrong.length === 0;
    });
    return wrong;
  }

  /** No router waits for another's word on where an address is. */
  async #settled(): Promise<void> {
    const isQuiet = async (): Promise<boolean> => {
      const views = await Promise.all(
        ROUTERS.filter((name) => name.startsWith("hv") || name === "gw").map((name) =>
          this.#lab.show(name, "bindings"),
        ),
      );
      return views.every(({ bindings }) =>
        bindings.every(({ state, address }) => !UNSETTLED.has(state) || UNANSWERED.has(address)),
      );
    };
    await within(PATIENCE, isQuiet);
  }
}

/** States of a binding that an answer ends. */
const UNSETTLED: ReadonlySet<string> = new Set(["asked", "registering", "deregistering"]);
/** Milliseconds: until what is predicted has come, and for what is not. */
const PATIENCE = 3000;
const QUIET = 10;

/** What another packet must not change under its feet. */
function statesOf({ of, prediction }: Pick<Asked, "of" | "prediction">): string[] {
  const keys = of.state === "" ? [] : [of.state];
  if (asksHome(prediction)) keys.push(`asks ${of.what.split(" > ")[1]?.split(" ")[0]}`);
  return keys;
}

/** An error about a tunnel's packet tells its router what fits: what it does with the next large one differs. */
const isBarrier = ({ prediction }: Asked): boolean =>
  answersOf(prediction.walk).some(
    ({ ending, errors }) => ending.name === "too-big" && errors.some(({ kind }) => kind === "uplink"),
  );

function arrivalsWrong({ prediction, times, of }: Asked, arrivals: readonly Arrival[]): string[] {
  const hides = isNatted(prediction);
  const left = arrivals.map((each) => ({ each, text: comparable(each, hides) }));
  const missing: Arrival[] = [];
  for (const each of prediction.arrivals) {
    for (let i = 0; i < times; i++) {
      const text = comparable(each, hides);
      const at = left.findIndex((other) => other.text === text);
      if (at < 0) missing.push(each);
      else left.splice(at, 1);
    }
  }
  // What a router's control thread says to it, it says to nobody else.
  const isTaken = prediction.walk.outcome === "taken";
  const strays = left.filter(({ each }) => !(isTaken && each.at.startsWith(`${of.node} `)));
  return [
    ...missing.map((each) => `  did not come: ${arrivalText(each)}`),
    ...strays.map(({ each }) => `  came unforeseen: ${arrivalText(each)}`),
  ];
}

const arrivalText = ({ at, frame }: Arrival): string =>
  `${at} from ${formatMac(frame, 6)} to ${formatMac(frame, 0)}: ${headersText(headersOf(frame))}\n    ${hexOf(frame)}`;

/** What the headers do not tell is payload. */
const hexOf = (frame: Uint8Array): string => `${toHex(frame.subarray(0, 160))}${frame.length > 160 ? "…" : ""}`;

const walkText = ({ prediction: { walk: walked } }: Asked): string =>
  answersOf(walked)
    .map(({ router, port, stages, ending }) => {
      const told = stages.filter(({ text }) => text !== "").map(({ stage, text }) => `    ${stage}: ${text}`);
      return [`  ${router} in by ${port}: ${ending.name}`, ...told].join("\n");
    })
    .join("\n");

/** Beside what `ain why --live` compares: of a cut packet the first piece is followed, errors are compared as they arrive. */
function stagesWrong({ prediction }: Asked, seen: readonly TracedPacket[]): string[] {
  const answers = answersOf(prediction.walk);
  const isCut = answers.some(({ sent }) => sent.length > 1);
  const isError = answers[0]!.packet.headers.some(
    ({ header, fields }) => header === "icmp6" && Number(fields.type) < 128,
  );
  if (isCut || isError || isNatted(prediction) || prediction.walk.outcome === "taken") return [];
  const { hops, unforeseen } = compare(prediction.walk, seen);
  return [
    ...hops.flatMap(({ router, differences }) => differences.map((text) => `  at ${router} ${text}`)),
    ...unforeseen.map(({ router, ending }) => `  seen unforeseen at ${router}: ${ending.name}`),
  ];
}

/** A counter that did not grow as predicted. */
interface Miscount {
  readonly name: string;
  readonly predicted: number;
  readonly counted: number;
}

const countText = ({ name, predicted, counted }: Miscount): string =>
  `  ${name}: predicted ${predicted}, counted ${counted}`;

function miscounts(expected: Counts, real: Counts): Miscount[] {
  return [...new Set([...expected.keys(), ...real.keys()])]
    .map((name) => ({ name, predicted: expected.get(name) ?? 0, counted: real.get(name) ?? 0 }))
    .filter(({ name, predicted, counted }) => (isAtLeast(name) ? counted < predicted : counted !== predicted));
}

/** Those that were to end where too little was counted; if there is none such, any of them may have ended elsewhere. */
function suspects(asked: readonly Asked[], wrong: readonly Miscount[]): readonly Asked[] {
  if (wrong.length === 0) return [];
  const short = wrong.filter(({ predicted, counted }) => counted < predicted);
  const some = asked.filter(({ prediction }) => short.some(({ name }) => prediction.counts.has(name)));
  return some.length > 0 ? some : asked;
}

/** Until it holds, or the time is over: what follows says what is wrong. */
async function within(millis: number, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + millis;
  while (!(await holds()) && performance.now() < end) await Bun.sleep(2);
}

async function inParallel<T, U>(list: readonly T[], work: (each: T, i: number) => Promise<U>): Promise<U[]> {
  const results: U[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < list.length; i = next++) results[i] = await work(list[i]!, i);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

/** What all routers tell of the packets that pass. */
class Traces {
  readonly #controller = new AbortController();
  readonly #packets: TracedPacket[] = [];
  #last = performance.now();

  static async start(routers: readonly KnownRouter[]): Promise<Traces> {
    const traces = new Traces();
    await Promise.all(routers.map(({ socket }) => traces.#follow(socket)));
    return traces;
  }

  async #follow(socket: string): Promise<void> {
    const { signal } = this.#controller;
    const lines = jsonLines<TraceLine>(await openStream(socket, "trace", { rate: 10_000 }, signal), signal);
    await lines.next(); // from here on it watches
    void this.#read(lines);
  }

  async #read(lines: AsyncGenerator<TraceLine>): Promise<void> {
    try {
      for await (const line of lines) {
        if (line.type !== "packet") continue;
        this.#packets.push(line);
        this.#last = performance.now();
      }
    } catch (error) {
      if (!(error instanceof ClientError)) throw error; // ended by us
    }
  }

  /** By case, in the order of their time. */
  async stop(): Promise<Map<number, TracedPacket[]>> {
    // Forwarders' rings are looked at fifty times a second.
    await within(PATIENCE, () => performance.now() - this.#last > TRACE_QUIET);
    this.#controller.abort();
    const found = new Map<number, TracedPacket[]>();
    for (const packet of this.#packets.sort((a, b) => a.time - b.time)) {
      const serial = serialOf(octetsOfHex(packet.packet.octets));
      if (serial !== undefined) found.set(serial, [...(found.get(serial) ?? []), packet]);
    }
    return found;
  }
}

/** Milliseconds. */
const TRACE_QUIET = 120;
