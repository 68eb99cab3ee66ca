/**
 * eBPF instructions (RFC 9669), as many as our own small programs need, and jumps by name instead of distance. A program is
 * written as a list of {@link Line}s.
 */

/** Registers: r0 a call's answer, r1 … r5 its arguments, r6 … r9 kept over calls, r10 the stack's end. */
export type Register = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;

/** RFC 9669 §4, §5; the kernel's Documentation/bpf/standardization. */
const CODES = {
  move: 0xb7,
  moveRegister: 0xbf,
  addRegister: 0x0f,
  add: 0x07,
  subtractRegister: 0x1f,
  multiplyRegister: 0x2f,
  and: 0x57,
  shiftRight: 0x77,
  /** r0 becomes the packet's octet at `value`; r6 must hold the context. A packet that ends before it ends the program with 0. */
  packetOctet: 0x30,
  load32: 0x61,
  load64: 0x79,
  store32: 0x63,
  store64: 0x7b,
  storeValue32: 0x62,
  /** Adds `source` to what lies at `to` + `offset`, as one operation. */
  atomicAdd64: 0xdb,
  jump: 0x05,
  jumpIfAnyBit: 0x45,
  jumpIfEqual: 0x15,
  jumpIfNotEqual: 0x55,
  /** Unsigned. */
  jumpIfGreater: 0x2d,
  call: 0x85,
  exit: 0x95,
  /** Two instructions' room: `to` becomes the map of descriptor `value`. */
  loadMap: 0x18,
} as const;

export interface Instruction {
  readonly does: keyof typeof CODES;
  readonly to?: Register;
  readonly source?: Register;
  /** Octets. */
  readonly offset?: number;
  /** 32 bits. */
  readonly value?: number;
  /** Name of the line that a jump leads to, further on. */
  readonly label?: string;
}

/** An instruction, or the name of the one that follows. */
export type Line = Instruction | string;

const OCTETS = 8;
const MAP_DESCRIPTOR = 1; // BPF_PSEUDO_MAP_FD

/** struct bpf_insn: opcode u8, registers u8, offset i16, immediate i32. Throws RangeError for a label that is nowhere. */
export function assemble(lines: readonly Line[]): Uint8Array {
  const places = placesOf(lines);
  const octets = new Uint8Array(places.end * OCTETS);
  const view = new DataView(octets.buffer);
  let at = 0;
  for (const line of lines) {
    if (typeof line === "string") continue;
    const { does, to = 0, source = does === "loadMap" ? MAP_DESCRIPTOR : 0, offset = 0, value = 0, label } = line;
    const next = at + lengthOf(line);
    octets[at * OCTETS] = CODES[does];
    octets[at * OCTETS + 1] = to | (source << 4);
    view.setInt16(at * OCTETS + 2, label === undefined ? offset : placeOf(places.labels, label) - next, true);
    view.setInt32(at * OCTETS + 4, value, true);
    at = next;
  }
  return octets;
}

const lengthOf = ({ does }: Instruction): number => (does === "loadMap" ? 2 : 1);

function placesOf(lines: readonly Line[]): { labels: ReadonlyMap<string, number>; end: number } {
  const labels = new Map<string, number>();
  let end = 0;
  for (const line of lines) {
    if (typeof line === "string") labels.set(line, end);
    else end += lengthOf(line);
  }
  return { labels, end };
}

function placeOf(labels: ReadonlyMap<string, number>, label: string): number {
  const place = labels.get(label);
  if (place === undefined) throw new RangeError(`no line is called "${label}"`);
  return place;
}
