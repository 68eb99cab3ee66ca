/** Turns of a forwarder, at ports in memory: what it carries out, and from which frame on. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { COUNTERS_OCTETS } from "#fastpath/counters";
import { createDropTags } from "#fastpath/drop-tags";
import { Forwarder, RING_OCTETS, SCRATCH_OCTETS } from "#fastpath/forwarder";
import { FrameRing, takeFrame } from "#fastpath/frame-ring";
import { MemoryPort, openMemoryPort } from "#fastpath/ports/memory";
import { type Command, puntVerdict, S_COMMANDS, S_DONE, SHARED_WORDS } from "#fastpath/shared";
import { GroupWriter } from "#fastpath/tables/groups";
import { udp4 } from "#fastpath/testing/small-packets";
import { SmallRouter, VM_A, VM_B } from "#fastpath/testing/small-router";
import { ENDINGS } from "#fastpath/verdicts";
import { createEventFd, EventFd } from "#sys/eventfd";
import { Arena, unpin } from "#sys/memory";

/** A forwarder with the tables of a small router and the ports of its first two VMs, and what control does with it. */
class SmallForwarder {
  readonly router = new SmallRouter();
  readonly #arena = Arena.map(1 << 26);
  readonly #punt = FrameRing.create(RING_OCTETS);
  readonly #shared = new SharedArrayBuffer(SHARED_WORDS * 4);
  readonly #words = new Int32Array(this.#shared);
  readonly #generation = new SharedArrayBuffer(64);
  readonly #wake = new EventFd(createEventFd());
  readonly #commands: Command[] = [];
  readonly #ports = new Map<number, MemoryPort>();
  readonly #forwarder: Forwarder;

  constructor() {
    this.#forwarder = new Forwarder(
      {
        ...{ id: 0, arenaAddress: this.#arena.address, arenaSize: this.#arena.size },
        ...{ scratchAt: this.#arena.allocate(SCRATCH_OCTETS), scratchSize: SCRATCH_OCTETS },
        ...{ shared: this.#shared, turns: new SharedArrayBuffer(4), generation: this.#generation },
        ...{ counters: new SharedArrayBuffer(COUNTERS_OCTETS), dropTags: createDropTags() },
        ...{ punt: this.#punt.buffer, inject: FrameRing.create(RING_OCTETS).buffer },
        ...this.router.shared,
        ...{ groups: this.#adjacencies(), nat: undefined, wakeFd: this.#wake.fd, cacheEntries: 1024, salt: 12345 },
      },
      {
        nextCommand: () => this.#commands.shift(),
        openPort: (_, { port: { index } }) => {
          throw new Error(`found port ${index} to be opened, expected none`);
        },
        report: (report) => {
          throw new Error(`found a report, ${JSON.stringify(report)}, expected none`);
        },
      },
    );
    for (const { port } of [VM_A, VM_B]) {
      const opened = new MemoryPort(this.#arena, openMemoryPort(this.#arena, port));
      this.#ports.set(port, opened);
      this.#forwarder.addPort(opened);
    }
  }

  /** The tables as they are from its next turn on. @param generation see {@link Command}. */
  adopt(generation: number, changes: Parameters<SmallRouter["adopt"]>[0] = {}): void {
    this.router.adopt(changes);
    this.#commands.push({ kind: "snapshot", snapshot: this.router.snapshot, generation });
    Atomics.add(this.#words, S_COMMANDS, 1);
  }

  /** VM a sends a datagram to VM b, always of the same flow, and a turn is taken. What became of it. */
  send(): string[] {
    this.#ports.get(VM_A.port)!.arrive(udp4(VM_A, VM_B.ipv4, 10));
    this.#forwarder.turn();
    expect(Atomics.load(this.#words, S_DONE)).toBe(Atomics.load(this.#words, S_COMMANDS));
    const delivered = this.#ports
      .get(VM_B.port)!
      .departed()
      .map(() => "delivered");
    const punted = takeFrame(this.#punt);
    return [...delivered, ...(punted === undefined ? [] : [ENDINGS[puntVerdict(punted.tag)]!.name])];
  }

  close(): void {
    this.#wake.close(true);
    unpin(this.#arena);
  }

  /** Those of the small router. */
  #adjacencies(): SharedArrayBuffer {
    const groups = new GroupWriter(1);
    for (const { port, mtu, own, mac } of this.router.neighbors)
      groups.set(groups.add({ port, mtu, ownMac: own }), mac);
    return groups.buffer;
  }
}

let forwarder: SmallForwarder;
beforeEach(() => {
  forwarder = new SmallForwarder();
  forwarder.adopt(0);
});
afterEach(() => forwarder.close());

test("the turn that tells control that a VM is held delivers nothing to it, though the flow's way was remembered", () => {
  expect([forwarder.send(), forwarder.send()]).toEqual([["delivered"], ["delivered"]]);
  forwarder.adopt(1 << 30, { states: { [VM_B.port]: "held" } });
  expect(forwarder.send()).toEqual(["punt-held"]);
  forwarder.adopt(2 << 30);
  expect([forwarder.send(), forwarder.send()]).toEqual([["delivered"], ["delivered"]]);
});
