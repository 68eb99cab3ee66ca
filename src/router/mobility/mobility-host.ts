/**
 * Proxy Mobile IPv6 at work in a router: what happens to VMs, what packets want and what other hypervisors say goes to the
 * core; what comes of it goes into the tables, to other hypervisors, to whoever looks after VMs. A core that fails is
 * replaced by another, and forwarders go on with the places they have.
 */
import type { Millis } from "#base/time";
import type { MobilityConfig } from "#pmip/config";
import type {
  GroupSet,
  MobilityEffect,
  MobilityEvent,
  MobilityNote,
  Segment,
  SegmentMember,
  Subject,
} from "#pmip/events";
import type { Log } from "#router/log";
import { CoreRun, type MobilityCore } from "#router/mobility/core-run";
import type { MobilityDatagram } from "#router/mobility/frames";
import type { Places, Whereabouts } from "#router/mobility/places";
import { subjectKey } from "#router/mobility/subjects";
import type { UnixClock } from "#router/mobility/unix-clock";
import { Failures } from "#router/ospf/failures";
import type { Recorder } from "#runtime/recording/recorder";

type Attached = Extract<MobilityEvent, { type: "attached" }>;

export interface MobilityHostOptions<Core extends MobilityCore> {
  readonly begin: (config: MobilityConfig, now: Millis) => Core;
  readonly config: HostedConfig;
  /** Another core begins: this router's Restart Counter from now on. */
  readonly countRestart: () => number;
  readonly places: Places;
  readonly clock: UnixClock;
  readonly log: Log;
  readonly recorder?: Recorder | undefined;
  /** False: no room, or no way out just now; it will be said again. */
  readonly send: (datagram: MobilityDatagram) => boolean;
  /** A VM is active elsewhere now; the places say so already. */
  readonly released: (vm: string) => void;
  /** To be kept over restarts; undefined: the VM is here no more. */
  readonly claimed: (vm: string, claim: Millis | undefined) => void;
  /** For the flight recorder. `vm`: as far as it is known here. */
  readonly noted: (note: MobilityNote, vm: string | undefined, at: Millis) => void;
  /** Other hypervisors with VMs on a segment that this router told of. */
  readonly members?: (segment: Segment, members: readonly SegmentMember[]) => void;
  /** Another core has begun: segments are to be told again. */
  readonly replaced?: () => void;
  /** A subject's place changed from one that was known to another. */
  readonly moved: (change: { readonly from: Whereabouts | undefined; readonly to: Whereabouts }, at: Millis) => void;
}

/** What is the same for each core that this router begins. */
export type HostedConfig = Omit<MobilityConfig, "restartCounter" | "seed">;

/** VMs remembered by their subjects. */
const MOST_VMS = 10_000;
/** Names of refusals and oddities that are counted; a core has a few dozen. */
const MOST_NAMES = 200;

export class MobilityHost<Core extends MobilityCore> {
  readonly counters = new Map<string, number>();
  readonly #options: MobilityHostOptions<Core>;
  readonly #failures = new Failures();
  /** What is active here, as it was told. */
  readonly #attached = new Map<string, Attached>();
  /** Whose subject it is or was, by subject: for those that came here once. */
  readonly #vms = new Map<string, string>();
  #config: MobilityConfig;
  #current: CoreRun<Core>;
  #restart: Timer | undefined;
  #stopped = false;

  constructor(options: MobilityHostOptions<Core>) {
    this.#options = options;
    this.#config = { ...options.config, ...this.#ofOneCore() };
    this.#current = this.#begin();
  }

  /** For views. */
  get core(): Core {
    return this.#current.core;
  }

  get config(): MobilityConfig {
    return this.#config;
  }

  /** Name of the VM that has the subject, or had it when it was here; undefined: it never was. */
  vmOf(subject: Subject): string | undefined {
    return this.#vms.get(subjectKey(subject));
  }

  configure(wanted: HostedConfig): void {
    const { restartCounter, seed } = this.#config;
    const config = { ...wanted, restartCounter, seed };
    if (Bun.deepEquals(config, this.#config)) return;
    this.#config = config;
    this.#current.tell({ type: "configure", config });
  }

  attached(event: Attached): void {
    this.#attached.set(event.vm, event);
    for (const subject of event.subjects) this.#remember(subjectKey(subject), event.vm);
    this.#current.tell(event);
  }

  detached(vm: string): void {
    if (!this.#attached.delete(vm)) return;
    this.#options.claimed(vm, undefined);
    this.#current.tell({ type: "detached", vm });
  }

  received({ source, destination, octets }: MobilityDatagram): void {
    this.count("messages received");
    this.#current.tell({ type: "received", source, destination, octets });
  }

  wanted(subject: Subject): void {
    this.#current.tell({ type: "wanted", subject });
  }

  used(subjects: readonly Subject[]): void {
    if (subjects.length > 0) this.#current.tell({ type: "used", subjects });
  }

  /** What VMs here on the segment listen to; undefined: none is here. */
  segment(segment: Segment, groups: GroupSet | undefined): void {
    this.#current.tell({ type: "segment", segment, groups });
  }

  count(name: string): void {
    if (this.counters.has(name) || this.counters.size < MOST_NAMES)
      this.counters.set(name, (this.counters.get(name) ?? 0) + 1);
  }

  /** The time of day may have been set. */
  checkClock(): void {
    if (this.#options.clock.check()) this.#current.arm();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#restart);
    this.#current.stop();
  }

  // ---- within ----

  /** The oldest ones are forgotten first: what is here is told again and again. */
  #remember(subject: string, vm: string): void {
    this.#vms.delete(subject);
    this.#vms.set(subject, vm);
    if (this.#vms.size > MOST_VMS) for (const oldest of this.#vms.keys()) return void this.#vms.delete(oldest);
  }

  #ofOneCore(): Pick<MobilityConfig, "restartCounter" | "seed"> {
    return {
      restartCounter: this.#options.countRestart(),
      seed: crypto.getRandomValues(new Uint32Array(1))[0]!,
    };
  }

  #begin(): CoreRun<Core> {
    const { begin, clock, recorder } = this.#options;
    return new CoreRun({
      ...{ config: this.#config, begin, clock, recorder },
      carryOut: (effects, at) => this.#carryOut(effects, at),
      failed: (error, events) => this.#failed(error, events),
    });
  }

  /** Places first, as the flight recorder wants to know of a move before it hears of messages about it. */
  #carryOut(effects: readonly MobilityEffect[], at: Millis): void {
    for (const effect of effects) if (effect.type === "whereabouts") this.#place(effect, at);
    for (const effect of effects) this.#act(effect, at);
  }

  #place({ subject, place, role }: Whereabouts, at: Millis): void {
    const { places, moved } = this.#options;
    const from = places.of(subject);
    const to = { subject, place, role };
    places.set(to, at);
    moved({ from, to }, at);
  }

  #act(effect: MobilityEffect, at: Millis): void {
    const { noted, claimed } = this.#options;
    switch (effect.type) {
      case "whereabouts":
        return; // was first
      case "send":
        this.count(this.#options.send(effect) ? "messages sent" : "messages not sent");
        return;
      case "claimed": {
        const attached = this.#attached.get(effect.vm);
        if (attached !== undefined) this.#attached.set(effect.vm, { ...attached, claim: effect.claim });
        claimed(effect.vm, effect.claim);
        return;
      }
      case "released":
        this.#attached.delete(effect.vm);
        claimed(effect.vm, undefined);
        this.#options.released(effect.vm);
        return;
      case "segment":
        this.#options.members?.(effect.segment, effect.members);
        return;
      case "note":
        this.count(effect.what);
        noted(effect, effect.vm ?? this.vmOf(effect.subject), at);
        return;
      case "count":
        this.count(effect.name);
    }
  }

  #failed(error: unknown, events: readonly string[]): void {
    const { log } = this.#options;
    log.error(
      `mobility: defect: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      "mobility-defect",
    );
    for (const event of events) log.error(`mobility: before it failed: ${event}`, "mobility-defect");
    if (this.#stopped) return;
    const { delay } = this.#failures.note(performance.now());
    log.error(`mobility: begins anew in ${delay} ms`, "mobility-defect");
    this.#restart = setTimeout(() => this.#beginAnew(), delay);
  }

  /** To others it is a restart (RFC 5847 §3.4): they register again, and places that nobody speaks of any more go. */
  #beginAnew(): void {
    const { places, clock } = this.#options;
    try {
      this.#config = { ...this.#config, ...this.#ofOneCore() };
      this.#current = this.#begin();
    } catch (error) {
      this.#failed(error, []);
      return;
    }
    places.coreReplaced(clock.now());
    for (const event of [...this.#attached.values()]) this.#current.tell(event);
    this.#options.replaced?.();
  }
}
