/**
 * Filters of packet sockets: classic BPF (Linux Documentation/networking/filter.rst). What they refuse costs the socket's
 * owner nothing: no copy, no room in a buffer, no wake-up.
 */
import { check } from "#sys/errno";
import { libc } from "#sys/libc";
import { type Memory, pinned } from "#sys/memory";

const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;

const LOAD_WORD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const LOAD_HALF = 0x28; // BPF_LD | BPF_H | BPF_ABS
const LOAD_OCTET = 0x30; // BPF_LD | BPF_B | BPF_ABS
const JUMP_IF_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const RETURN = 0x06; // BPF_RET | BPF_K
/** SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT: 1 when the kernel took an 802.1Q tag out of the frame. */
const VLAN_TAG_PRESENT = -0x1000 + 48;
/** More than any frame: all of it is taken. */
const WHOLE = 0x4_0000;

const INSTRUCTION = 8; // octets of struct sock_filter
const PROGRAM = 16; // where it lies in scratch, after struct sock_fprog
/** Conditions of one filter; a jump reaches no further than 255 instructions anyhow. */
const MOST = 64;

const scratch: Memory = pinned(PROGRAM + (2 * MOST + 4) * INSTRUCTION);

/** These octets of the frame, its Ethernet header included, are `value`. A frame that ends before them is refused. */
export interface Condition {
  readonly at: number;
  readonly octets: 1 | 2 | 4;
  readonly value: number;
}

/**
 * Lets a socket receive only the frames of which all conditions hold. Tagged frames are refused: their tag is no longer
 * in the octets, so that they would pass for untagged ones. Throws SysError.
 */
export function attachFilter(fd: number, conditions: readonly Condition[], about: string): void {
  if (conditions.length > MOST) throw new RangeError(`a filter of ${conditions.length} conditions`);
  const { view, address } = scratch;
  const length = writeProgram(conditions);
  view.setUint16(0, length, true); // struct sock_fprog: length, then the address at offset 8
  view.setBigUint64(8, BigInt(address + PROGRAM), true);
  check(libc.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, address, 16), "setsockopt SO_ATTACH_FILTER", about);
}

/** Two instructions a condition; the first that does not hold jumps to the end. @returns instructions. */
function writeProgram(conditions: readonly Condition[]): number {
  const tests = [{ load: LOAD_WORD, at: VLAN_TAG_PRESENT, value: 0 }, ...conditions.map(toTest)];
  const refuse = 2 * tests.length + 1;
  for (const [i, { load, at, value }] of tests.entries()) {
    writeInstruction(2 * i, load, 0, at);
    writeInstruction(2 * i + 1, JUMP_IF_EQUAL, refuse - (2 * i + 2), value);
  }
  writeInstruction(refuse - 1, RETURN, 0, WHOLE);
  writeInstruction(refuse, RETURN, 0, 0);
  return refuse + 1;
}

function toTest({ at, octets, value }: Condition): { load: number; at: number; value: number } {
  return { load: octets === 1 ? LOAD_OCTET : octets === 2 ? LOAD_HALF : LOAD_WORD, at, value };
}

/** struct sock_filter: code u16, instructions to skip if true u8, if false u8, operand u32. */
function writeInstruction(index: number, code: number, otherwise: number, operand: number): void {
  const { view } = scratch;
  const at = PROGRAM + index * INSTRUCTION;
  view.setUint16(at, code, true);
  view.setUint8(at + 2, 0);
  view.setUint8(at + 3, otherwise);
  view.setUint32(at + 4, operand >>> 0, true);
}
