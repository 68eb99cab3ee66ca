/**
 * The generator of veth.ts: BPF_PROG_TEST_RUN with live frames. The kernel itself makes frames, batches of 64 of them,
 * runs our eBPF program on each, which gives it one of 256 source ports, and hands them to an interface as a driver
 * would hand on what it received: no system call, socket buffer or software interrupt for each. Its far end must take
 * frames in batches (NAPI: generic receive offload on).
 */
import { closeDescriptor } from "#sys/descriptor";
import { check } from "#sys/errno";
import { libc } from "#sys/libc";
import { pinned } from "#sys/memory";
import { inNamespace } from "#sys/namespace";

const SYS_BPF = process.arch === "arm64" ? 280 : 321;
const BPF_PROG_LOAD = 5;
const BPF_PROG_TEST_RUN = 10;
const BPF_PROG_TYPE_XDP = 6;
const BPF_F_TEST_XDP_LIVE_FRAMES = 2;
const BATCH = 64;
/** A power of two. */
export const PUMP_FLOWS = 256;
const FIRST_PORT = 1024;
const AF_INET = 2;
const SOCK_DGRAM = 2;
const SIOCETHTOOL = 0x8946;
const ETHTOOL_SGRO = 0x2c;

const scratch = pinned(4096);
const ATTRIBUTES = 0; // union bpf_attr
const ATTRIBUTES_SIZE = 128;
const PROGRAM = 512;
const LICENSE = 2048;
const FRAME = 3072;

/** Offsets in the frame: UDP source port, first half word of the payload. */
const SOURCE_PORT = 34;
const PAYLOAD = 42;

/** struct bpf_insn: opcode, destination | source << 4, offset, immediate. */
const program = (interfaceIndex: number, length: number): readonly (readonly [number, number, number, number])[] => [
  [0x61, 0x16, 0, 0], // r6 = context.data
  [0x61, 0x17, 4, 0], // r7 = context.data_end
  [0xbf, 0x62, 0, 0],
  [0x07, 0x02, 0, length],
  [0x2d, 0x72, 11, 0], // shorter: drop
  [0x85, 0, 0, 7], // r0 = get_prandom_u32()
  [0x57, 0x00, 0, PUMP_FLOWS - 1],
  [0x07, 0x00, 0, FIRST_PORT],
  [0xdc, 0x00, 0, 16], // to network order
  [0x6b, 0x06, SOURCE_PORT, 0],
  [0xa7, 0x00, 0, 0xffff], // its complement into the payload: the checksum stays
  [0x6b, 0x06, PAYLOAD, 0],
  [0xb7, 0x01, 0, interfaceIndex],
  [0xb7, 0x02, 0, 0],
  [0x85, 0, 0, 23], // redirect(interface, 0)
  [0x95, 0, 0, 0],
  [0xb7, 0x00, 0, 1],
  [0x95, 0, 0, 0],
];

/** A pump for one frame out of an interface of the calling thread's namespace. Throws SysError. */
export class FramePump {
  readonly #program: number;
  readonly #length: number;

  /** `frame`: UDP over IPv4 without options, its checksum valid with source port 0 and the payload led by 0xffff. */
  constructor(interfaceIndex: number, frame: Uint8Array) {
    scratch.bytes.set(frame, FRAME);
    this.#length = frame.length;
    this.#program = load(program(interfaceIndex, frame.length));
  }

  /** Sends `count` frames, the calling thread working for it all the while. */
  send(count: number): void {
    const { bytes, words, view, address } = scratch;
    bytes.fill(0, ATTRIBUTES, ATTRIBUTES_SIZE);
    words[0] = this.#program;
    words[2] = this.#length;
    view.setBigUint64(16, BigInt(address + FRAME), true);
    words[8] = count;
    words[16] = BPF_F_TEST_XDP_LIVE_FRAMES;
    words[18] = BATCH;
    check(bpf(BPF_PROG_TEST_RUN), "bpf test run", "live frames");
  }
}

/** Makes an interface take frames in batches, as a driver does: generic receive offload on, which for UDP does no more. */
export function takeInBatches(namespace: string, name: string): void {
  const { bytes, words, view, address } = scratch;
  bytes.fill(0, 0, 64);
  scratch.putString(0, name); // struct ifreq: name of 16 octets, address of a struct ethtool_value
  view.setBigUint64(16, BigInt(address + 48), true);
  words.set([ETHTOOL_SGRO, 1], 12);
  inNamespace(namespace, () => {
    const socket = check(libc.socket(AF_INET, SOCK_DGRAM, 0), "socket");
    try {
      check(libc.ioctl(socket, SIOCETHTOOL, address), "ioctl SIOCETHTOOL", name);
    } finally {
      closeDescriptor(socket);
    }
  });
}

function load(instructions: ReturnType<typeof program>): number {
  const { bytes, words, view, address } = scratch;
  for (const [i, [opcode, registers, offset, immediate]] of instructions.entries()) {
    const at = PROGRAM + 8 * i;
    bytes[at] = opcode;
    bytes[at + 1] = registers;
    view.setInt16(at + 2, offset, true);
    view.setInt32(at + 4, immediate, true);
  }
  bytes.fill(0, ATTRIBUTES, ATTRIBUTES_SIZE);
  words.set([BPF_PROG_TYPE_XDP, instructions.length]);
  view.setBigUint64(8, BigInt(address + PROGRAM), true);
  view.setBigUint64(16, BigInt(scratch.putString(LICENSE, "Apache-2.0")), true);
  return check(bpf(BPF_PROG_LOAD), "bpf load", "frame pump");
}

const bpf = (command: number): number => libc.syscall(SYS_BPF, command, scratch.address, ATTRIBUTES_SIZE, 0, 0, 0);
