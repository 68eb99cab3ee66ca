/**
 * One tiny eBPF program: it drops every frame that comes in on an interface *after* packet sockets have had their copy.
 * So the kernel neither routes nor answers what the router answers, and spends no time on it.
 */
import { closeDescriptor } from "#sys/descriptor";
import { check } from "#sys/errno";
import { libc } from "#sys/libc";
import { type Memory, pinned } from "#sys/memory";

const SYS_BPF = process.arch === "arm64" ? 280 : 321;
const BPF_PROG_LOAD = 5;
const BPF_LINK_CREATE = 28;
const BPF_PROG_TYPE_SCHED_CLS = 3;
const BPF_TCX_INGRESS = 46;

/** struct bpf_insn: opcode u8, registers u8, offset i16, immediate i32. */
const DROP = Uint8Array.of(
  ...[0xb7, 0, 0, 0, 2, 0, 0, 0], // r0 = TC_ACT_SHOT
  ...[0x95, 0, 0, 0, 0, 0, 0, 0], // exit
);
const ATTRIBUTES = 0; // union bpf_attr
const ATTRIBUTES_SIZE = 128;
const PROGRAM = 128;
const LICENSE = 192;

const scratch: Memory = pinned(256);

/**
 * Drops what comes in on an interface of the calling thread's namespace, for as long as the returned descriptor is
 * open (so also not after a killed run). Throws SysError: needs Linux 6.6 and CAP_BPF with CAP_NET_ADMIN.
 */
export function dropIncoming(index: number, about: string): number {
  const program = loadDrop(about);
  try {
    scratch.bytes.fill(0, ATTRIBUTES, ATTRIBUTES_SIZE);
    scratch.words.set([program, index, BPF_TCX_INGRESS, 0]);
    return check(bpf(BPF_LINK_CREATE), "bpf link tcx", about);
  } finally {
    closeDescriptor(program);
  }
}

function loadDrop(about: string): number {
  const { bytes, words, view, address } = scratch;
  bytes.fill(0, ATTRIBUTES, ATTRIBUTES_SIZE);
  bytes.set(DROP, PROGRAM);
  words.set([BPF_PROG_TYPE_SCHED_CLS, DROP.length / 8]);
  view.setBigUint64(8, BigInt(address + PROGRAM), true);
  view.setBigUint64(16, BigInt(scratch.putString(LICENSE, "Apache-2.0")), true);
  return check(bpf(BPF_PROG_LOAD), "bpf load", about);
}

const bpf = (command: number): number => libc.syscall(SYS_BPF, command, scratch.address, ATTRIBUTES_SIZE, 0, 0, 0);
