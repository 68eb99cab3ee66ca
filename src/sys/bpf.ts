/** eBPF programs and maps (bpf(2)); which there are, others say. */
import { assemble } from "#sys/bpf-code";
import { closeDescriptor } from "#sys/descriptor";
import { check } from "#sys/errno";
import { libc } from "#sys/libc";
import { type Memory, pinned } from "#sys/memory";

const SYS_BPF = process.arch === "arm64" ? 280 : 321;
const BPF_MAP_CREATE = 0;
const BPF_PROG_LOAD = 5;
const BPF_PROG_ATTACH = 8;
const BPF_PROG_GET_FD_BY_ID = 13;
const BPF_PROG_QUERY = 16;
const BPF_LINK_CREATE = 28;
const BPF_MAP_TYPE_ARRAY = 2;
const BPF_F_MMAPABLE = 1 << 10;
const BPF_PROG_TYPE_SCHED_CLS = 3;
const BPF_TCX_INGRESS = 46;
const BPF_TCX_EGRESS = 47;
const BPF_F_REPLACE = 4;
const BPF_REDIRECT = 23;
const TC_ACT_SHOT = 2;

/** Programs of packet sockets and TAPs. */
export const SOCKET_FILTER = 1;

const ATTRIBUTES = 0; // union bpf_attr
const ATTRIBUTES_SIZE = 128;
const LICENSE = 128;
const PROGRAM = 192;
const PROGRAM_IDS = 4088; // room for one, behind everything else

const scratch: Memory = pinned(4096);

/**
 * One tiny program: it drops every frame that comes in on an interface *after* packet sockets have had their copy. So the
 * kernel neither routes nor answers what the router answers, and spends no time on it.
 */
const DROP = assemble([{ does: "move", value: TC_ACT_SHOT }, { does: "exit" }]);

/**
 * Drops what comes in on an interface of the calling thread's namespace, for as long as the returned descriptor is
 * open (so also not after a killed run). Throws SysError: needs Linux 6.6 and CAP_BPF with CAP_NET_ADMIN.
 */
export const dropIncoming = (index: number, about: string): number => linkTcx(DROP, BPF_TCX_INGRESS, index, about);

/** Runs a program on what goes out, likewise; except for what packet sockets send past the queueing discipline. */
export const linkOutgoing = (code: Uint8Array, index: number, about: string): number =>
  linkTcx(code, BPF_TCX_EGRESS, index, about);

/**
 * What comes in on an interface of the calling thread's namespace goes out of another one of it, from one frame to the next, until
 * this says otherwise or the interface is deleted. Throws SysError, as above, and when others' programs are there.
 */
export function redirectIncoming(index: number, to: number, about: string): void {
  const code = assemble([
    { does: "move", to: 1, value: to },
    { does: "move", to: 2, value: 0 },
    { does: "call", value: BPF_REDIRECT },
    { does: "exit" },
  ]);
  const before = attachedProgram(index, about);
  const program = loadProgram(BPF_PROG_TYPE_SCHED_CLS, code, about);
  try {
    const place = before === undefined ? [0, 0] : [BPF_F_REPLACE, before];
    check(bpf(BPF_PROG_ATTACH, [index, program, BPF_TCX_INGRESS, ...place]), "bpf attach tcx", about);
  } finally {
    closeDescriptor(program);
    if (before !== undefined) closeDescriptor(before);
  }
}

/** Descriptor of the one program that looks at what comes in on an interface. */
function attachedProgram(index: number, about: string): number | undefined {
  scratch.words[PROGRAM_IDS >> 2] = 0;
  const ids = word64(scratch.address + PROGRAM_IDS);
  check(bpf(BPF_PROG_QUERY, [index, BPF_TCX_INGRESS, 0, 0, ...ids, 1]), "bpf query tcx", about);
  const id = scratch.words[PROGRAM_IDS >> 2]!;
  return id === 0 ? undefined : check(bpf(BPF_PROG_GET_FD_BY_ID, [id]), "bpf program", about);
}

function linkTcx(code: Uint8Array, where: number, index: number, about: string): number {
  const program = loadProgram(BPF_PROG_TYPE_SCHED_CLS, code, about);
  try {
    return check(bpf(BPF_LINK_CREATE, [program, index, where, 0]), "bpf link tcx", about);
  } finally {
    closeDescriptor(program);
  }
}

/** Descriptor of a program. `code`: of {@link assemble}, at most 480 instructions. Throws SysError for what the verifier refuses. */
export function loadProgram(type: number, code: Uint8Array, about: string): number {
  const { bytes, address } = scratch;
  bytes.set(code, PROGRAM);
  const [program, license] = [address + PROGRAM, scratch.putString(LICENSE, "Apache-2.0")];
  return check(bpf(BPF_PROG_LOAD, [type, code.length / 8, ...word64(program), ...word64(license)]), "bpf load", about);
}

/**
 * Descriptor of a map with values of `octets`, zeroed, that mmap(2) maps; each takes a multiple of 8 there. Throws SysError.
 */
export function createSharedValues(octets: number, count: number, about: string): number {
  return check(bpf(BPF_MAP_CREATE, [BPF_MAP_TYPE_ARRAY, 4, octets, count, BPF_F_MMAPABLE]), "bpf map", about);
}

const word64 = (value: number): [number, number] => [value | 0, Math.floor(value / 2 ** 32)];

/** `attributes`: words of union bpf_attr, the rest 0. */
function bpf(command: number, attributes: readonly number[]): number {
  scratch.bytes.fill(0, ATTRIBUTES, ATTRIBUTES_SIZE);
  scratch.words.set(attributes);
  return libc.syscall(SYS_BPF, command, scratch.address, ATTRIBUTES_SIZE, 0, 0, 0);
}
