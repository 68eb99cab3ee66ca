/**
 * A limit, kept by the kernel, to how many frames to groups (broadcast and multicast) come in by an interface. What is
 * beyond it costs its receiver nothing: no copy, no wake-up, no turn. It is an eBPF filter of the packet sockets or the TAP
 * that read the interface, with one virtual clock (the generic cell rate algorithm, ITU-T I.371) for all of them: each frame
 * puts the clock forward by an interval, and is refused when the clock is ahead of the time by more than the burst.
 * A super-packet counts as the frames that it stands for. Two processors at once may let a frame more pass.
 */
import { createSharedValues, loadProgram, SOCKET_FILTER } from "#sys/bpf";
import { assemble, type Line } from "#sys/bpf-code";
import { closeDescriptor } from "#sys/descriptor";
import { check } from "#sys/errno";
import { libc } from "#sys/libc";
import { type Memory, mapShared, pinned, unpin } from "#sys/memory";

const SOL_SOCKET = 1;
const SO_ATTACH_BPF = 50;
const TUNSETFILTEREBPF = 0x8004_54e1;

// The value that program and process share, octets; 64 bits each.
const CLOCK = 0;
const REFUSED = 8;
const INTERVAL = 16;
const BURST = 24;
const VALUE = 32;

const SECOND = 1e9; // ns
const GROUP_BIT = 1; // of a MAC address's first octet
const GSO_SEGMENTS = 164; // in struct __sk_buff
const LOOK_UP = 1; // helper functions
const NANOSECONDS = 5;
/** More than any frame: all of it is taken. */
const WHOLE = 0x4_0000;

const linesOf = (map: number): readonly Line[] => [
  { does: "moveRegister", to: 6, source: 1 },
  { does: "packetOctet", value: 0 },
  { does: "jumpIfAnyBit", to: 0, value: GROUP_BIT, label: "group" },
  "pass",
  { does: "move", to: 0, value: WHOLE },
  { does: "exit" },
  "group", // r7: frames that it stands for
  { does: "load32", to: 7, source: 6, offset: GSO_SEGMENTS },
  { does: "jumpIfNotEqual", to: 7, value: 0, label: "counted" },
  { does: "move", to: 7, value: 1 },
  "counted", // r8: the shared value
  { does: "storeValue32", to: 10, offset: -4, value: 0 },
  { does: "loadMap", to: 1, value: map },
  { does: "moveRegister", to: 2, source: 10 },
  { does: "add", to: 2, value: -4 },
  { does: "call", value: LOOK_UP },
  { does: "jumpIfEqual", to: 0, value: 0, label: "refuse" }, // cannot be, but the verifier does not know
  { does: "moveRegister", to: 8, source: 0 },
  { does: "call", value: NANOSECONDS },
  // r1: the clock, now if it is behind; r3: how far it is ahead
  { does: "load64", to: 1, source: 8, offset: CLOCK },
  { does: "jumpIfGreater", to: 1, source: 0, label: "ahead" },
  { does: "moveRegister", to: 1, source: 0 },
  "ahead",
  { does: "moveRegister", to: 3, source: 1 },
  { does: "subtractRegister", to: 3, source: 0 },
  { does: "load64", to: 2, source: 8, offset: BURST },
  { does: "jumpIfGreater", to: 3, source: 2, label: "count" },
  { does: "load64", to: 2, source: 8, offset: INTERVAL },
  { does: "multiplyRegister", to: 7, source: 2 },
  { does: "addRegister", to: 1, source: 7 },
  { does: "store64", to: 8, source: 1, offset: CLOCK },
  { does: "move", to: 0, value: WHOLE },
  { does: "exit" },
  "count",
  { does: "atomicAdd64", to: 8, source: 7, offset: REFUSED },
  "refuse",
  { does: "move", to: 0, value: 0 },
  { does: "exit" },
];

const scratch: Memory = pinned(64);

export class GroupLimit {
  readonly #about: string;
  readonly #map: number;
  readonly #program: number;
  readonly #value: Memory;

  /** Refuses nothing yet. `about`: for errors. Throws SysError: needs CAP_BPF. */
  static open(about: string): GroupLimit {
    const map = createSharedValues(VALUE, 1, about);
    let program: number | undefined;
    try {
      program = loadProgram(SOCKET_FILTER, assemble(linesOf(map)), about);
      return new GroupLimit(about, [map, program], mapShared(map, VALUE, about));
    } catch (error) {
      if (program !== undefined) closeDescriptor(program);
      closeDescriptor(map);
      throw error;
    }
  }

  private constructor(about: string, [map, program]: readonly [number, number], value: Memory) {
    this.#about = about;
    this.#map = map;
    this.#program = program;
    this.#value = value;
  }

  /** In place of another filter of the packet socket. Throws SysError. */
  attachToSocket(fd: number): void {
    scratch.words[0] = this.#program;
    check(libc.setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, scratch.address, 4), "setsockopt SO_ATTACH_BPF", this.#about);
  }

  /** `fd`: any queue of the TAP; it is for all. Throws SysError. */
  attachToTap(fd: number): void {
    scratch.words[0] = this.#program;
    check(libc.ioctl(fd, TUNSETFILTEREBPF, scratch.address), "ioctl TUNSETFILTEREBPF", this.#about);
  }

  /** From now on. `rate`: frames a second, 1 … 1e9; `burst`: at once, beyond the rate, 0 … 1e9. */
  set(rate: number, burst: number): void {
    const interval = Math.max(1, Math.round(SECOND / rate));
    this.#value.view.setBigUint64(INTERVAL, BigInt(interval), true);
    this.#value.view.setBigUint64(BURST, BigInt(interval) * BigInt(burst), true);
  }

  /** Frames, since it was opened. */
  get refused(): number {
    return Number(this.#value.view.getBigUint64(REFUSED, true));
  }

  /** What has the filter attached keeps it. */
  close(): void {
    unpin(this.#value);
    closeDescriptor(this.#program);
    closeDescriptor(this.#map);
  }
}
