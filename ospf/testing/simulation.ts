/**
 * Many OSPF cores on wires that lose, delay and reorder, in virtual time. Everything follows from the seed: a failure is
 * repeated by running it again.
 */
import { sameAddress } from "#base/address";
import { nextBetween, nextFraction, type Random, seeded } from "#base/random";
import { type Millis, NEVER } from "#base/time";
import type { OspfConfig } from "#ospf/config";
import type { OspfEffect, OspfEvent } from "#ospf/events";
import { Ospf } from "#ospf/ospf";

export interface WireQuality {
  /** 0 … 1, of packets to one receiver. */
  readonly loss: number;
  readonly minDelay: Millis;
  /** Above `minDelay`: packets overtake one another. */
  readonly maxDelay: Millis;
}

export const GOOD_WIRE: WireQuality = { loss: 0, minDelay: 1, maxDelay: 1 };

interface End {
  readonly node: SimulatedRouter;
  readonly interface: string;
  readonly linkLocal: Uint8Array;
}

/** A point-to-point cable or, with more ends, a LAN. */
export interface Wire {
  readonly ends: End[];
  up: boolean;
  /** Packets vanish, and no end is told. */
  silent: boolean;
}

export interface SimulatedRouter {
  readonly name: string;
  config: OspfConfig;
  /** Undefined while crashed. */
  core: Ospf | undefined;
  readonly effects: OspfEffect[];
  /** Counts wake-ups set, so that those overtaken are passed over. */
  wakeUps: number;
  readonly interfaceIds: Map<string, number>;
}

interface Happening {
  readonly at: Millis;
  readonly order: number;
  readonly act: () => void;
}

export class Simulation {
  now: Millis = 0;
  readonly routers: SimulatedRouter[] = [];
  readonly wires: Wire[] = [];
  /** Packets delivered. */
  delivered = 0;
  quality: WireQuality;
  /** Sees every packet sent. */
  onSend: ((from: SimulatedRouter, effect: Extract<OspfEffect, { type: "send" }>) => void) | undefined;
  readonly #random: Random;
  readonly #queue: Happening[] = [];
  #order = 0;

  constructor(seed: number, quality: WireQuality = GOOD_WIRE) {
    this.#random = seeded(seed);
    this.quality = quality;
  }

  /** A router; its interfaces are those of the configuration, on the wires that `connect` gives them. */
  add(name: string, config: OspfConfig): SimulatedRouter {
    const router: SimulatedRouter = {
      name,
      config,
      core: undefined,
      effects: [],
      wakeUps: 0,
      interfaceIds: new Map(config.interfaces.map((each, i) => [each.name, i + 1])),
    };
    this.routers.push(router);
    return router;
  }

  connect(...ends: readonly (readonly [SimulatedRouter, string])[]): Wire {
    const wire: Wire = { ends: [], up: true, silent: false };
    for (const [node, name] of ends) {
      const linkLocal = new Uint8Array(16);
      linkLocal.set([0xfe, 0x80]);
      new DataView(linkLocal.buffer).setUint32(8, node.config.routerId);
      new DataView(linkLocal.buffer).setUint32(12, node.interfaceIds.get(name)!);
      wire.ends.push({ node, interface: name, linkLocal });
    }
    this.wires.push(wire);
    return wire;
  }

  /** Starts or restarts the router. `restartingUntil`: gracefully. */
  start(router: SimulatedRouter, restartingUntil?: Millis): void {
    router.core = new Ospf({
      config: router.config,
      seed: nextBetween(this.#random, 0, 0xffff_ffff),
      clockOffset: 1_700_000_000_000,
      ...(restartingUntil !== undefined && { restartingUntil }),
    });
    for (const { wire, end } of this.#endsOf(router)) if (wire.up) this.tell(router, this.#up(end));
    this.#plan(router);
  }

  startAll(): void {
    for (const router of this.routers) this.start(router);
  }

  /** No word to anybody. */
  crash(router: SimulatedRouter): void {
    router.core = undefined;
    router.wakeUps++;
  }

  cut(wire: Wire): void {
    wire.up = false;
    for (const { node, interface: name } of wire.ends) this.tell(node, { type: "interfaceDown", interface: name });
  }

  mend(wire: Wire): void {
    wire.up = true;
    for (const end of wire.ends) this.tell(end.node, this.#up(end));
  }

  tell(router: SimulatedRouter, event: OspfEvent): void {
    if (router.core === undefined) return;
    for (const effect of router.core.handle(event, this.now)) {
      if (effect.type === "send") this.#carry(router, effect);
      else router.effects.push(effect);
    }
    this.#plan(router);
  }

  at(time: Millis, act: () => void): void {
    push(this.#queue, { at: Math.max(time, this.now), order: this.#order++, act });
  }

  /** Lets time pass. Returns how many things happened. */
  run(duration: Millis): number {
    const end = this.now + duration;
    let happened = 0;
    for (; this.#queue.length > 0 && this.#queue[0]!.at <= end; happened++) {
      const next = pop(this.#queue);
      this.now = next.at;
      next.act();
    }
    this.now = end;
    return happened;
  }

  #endsOf(router: SimulatedRouter): { wire: Wire; end: End }[] {
    return this.wires.flatMap((wire) => wire.ends.filter(({ node }) => node === router).map((end) => ({ wire, end })));
  }

  #up({ node, interface: name, linkLocal }: End): OspfEvent {
    return { type: "interfaceUp", interface: name, interfaceId: node.interfaceIds.get(name)!, linkLocal, mtu: 1500 };
  }

  #carry(from: SimulatedRouter, effect: Extract<OspfEffect, { type: "send" }>): void {
    this.onSend?.(from, effect);
    const wire = this.wires.find(({ ends }) =>
      ends.some(({ node, interface: name }) => node === from && name === effect.interface),
    );
    if (wire === undefined || !wire.up || wire.silent) return;
    for (const end of wire.ends) {
      if (end.node === from) continue;
      if (effect.destination[0] !== 0xff && !sameAddress(end.linkLocal, effect.destination)) continue;
      if (nextFraction(this.#random) < this.quality.loss) continue;
      const delay = nextBetween(this.#random, this.quality.minDelay, this.quality.maxDelay);
      this.at(this.now + delay, () => this.#deliver(wire, end, effect));
    }
  }

  #deliver(wire: Wire, end: End, { source, destination, octets }: Extract<OspfEffect, { type: "send" }>): void {
    if (!wire.up || wire.silent) return;
    this.delivered++;
    this.tell(end.node, { type: "packet", interface: end.interface, source, destination, octets });
  }

  #plan(router: SimulatedRouter): void {
    const deadline = router.core?.deadline() ?? NEVER;
    const id = ++router.wakeUps;
    if (deadline === NEVER) return;
    this.at(deadline, () => {
      if (router.wakeUps === id) this.tell(router, { type: "timer" });
    });
  }
}

const before = (a: Happening, b: Happening): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** Binary heap, the next to happen first. */
function push(heap: Happening[], item: Happening): void {
  heap.push(item);
  for (let i = heap.length - 1; i > 0; ) {
    const parent = (i - 1) >> 1;
    if (!before(heap[i]!, heap[parent]!)) break;
    [heap[i], heap[parent]] = [heap[parent]!, heap[i]!];
    i = parent;
  }
}

function pop(heap: Happening[]): Happening {
  const top = heap[0]!;
  const last = heap.pop()!;
  if (heap.length === 0) return top;
  heap[0] = last;
  for (let i = 0; ; ) {
    const left = 2 * i + 1;
    const right = left + 1;
    let least = i;
    if (left < heap.length && before(heap[left]!, heap[least]!)) least = left;
    if (right < heap.length && before(heap[right]!, heap[least]!)) least = right;
    if (least === i) return top;
    [heap[i], heap[least]] = [heap[least]!, heap[i]!];
    i = least;
  }
}
