/**
 * One TAP, small frames: read(2) and write(2) a frame against the same operations handed to io_uring in batches.
 *
 *     bin/bun perf/io-tap.ts [rounds]
 *
 * Prints medians of processor time a frame. What was found is in io.md. Needs root.
 */
import { errno, SysError } from "#sys/errno";
import { libc } from "#sys/libc";
import { Arena, Memory, pinned } from "#sys/memory";
import { createNamespace, deleteNamespace, inNamespace } from "#sys/namespace";
import { openPacketSocket } from "#sys/packet-socket";
import { Rtnetlink } from "#sys/rtnetlink";
import { writeSysctl } from "#sys/sysctl";
import { openTap } from "#sys/tap";
import { Batch, SendmmsgSender } from "./io-ways";

const NAMESPACE = "ioT";
const COUNT = 64;
const BUFFER = 2048;
const FRAME = 74; // with its virtio_net_hdr
const SYS_IO_URING_SETUP = 425;
const SYS_IO_URING_ENTER = 426;
const IORING_OP_READ = 22;
const IORING_OP_WRITE = 23;
const IORING_OFF_SQES = 0x1000_0000;
const IORING_ENTER_GETEVENTS = 1;
const IORING_SETUP_SINGLE_ISSUER = 1 << 12;
const IORING_SETUP_DEFER_TASKRUN = 1 << 13;
const CLOCK_THREAD_CPUTIME_ID = 3;

const scratch = pinned(256);

function must(result: number, call: string): number {
  if (result < 0) throw new SysError(call, errno());
  return result;
}

/** Submission and completion ring of 64 entries, one mapping (IORING_FEAT_SINGLE_MMAP). */
class Uring {
  readonly #fd: number;
  readonly #ring: Memory;
  readonly #entries: Memory;
  readonly #tail: number;
  readonly #completionHead: number;
  readonly #completionTail: number;

  constructor() {
    scratch.bytes.fill(0, 0, 120);
    scratch.words[2] = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    this.#fd = must(libc.syscall(SYS_IO_URING_SETUP, COUNT, scratch.address, 0, 0, 0, 0), "io_uring_setup");
    // struct io_uring_params: 10 words, then offsets: head, tail, ring_mask, ring_entries, flags, dropped, array, …
    const submission = scratch.words.slice(10, 20);
    const completion = scratch.words.slice(20, 30);
    this.#ring = new Memory(must(libc.mmap(0, 16384, 3, 1, this.#fd, 0), "mmap io_uring"), 8192);
    this.#entries = new Memory(
      must(libc.mmap(0, COUNT * 64, 3, 1, this.#fd, IORING_OFF_SQES), "mmap sqes"),
      COUNT * 64,
    );
    this.#tail = submission[1]! >> 2;
    this.#completionHead = completion[0]! >> 2;
    this.#completionTail = completion[1]! >> 2;
    for (let i = 0; i < COUNT; i++) this.#ring.words[(submission[6]! >> 2) + i] = i;
  }

  prepare(i: number, operation: number, fd: number, address: number, length: number): void {
    const { words, view } = this.#entries;
    words[16 * i] = operation;
    words[16 * i + 1] = fd;
    view.setBigUint64(64 * i + 16, BigInt(address), true);
    words[16 * i + 6] = length;
  }

  /** Hands over all entries as they were prepared and waits for them. Returns how many completed. */
  run(): number {
    const { words } = this.#ring;
    Atomics.store(words, this.#tail, words[this.#tail]! + COUNT);
    must(libc.syscall(SYS_IO_URING_ENTER, this.#fd, COUNT, COUNT, IORING_ENTER_GETEVENTS, 0, 0), "io_uring_enter");
    const done = Atomics.load(words, this.#completionTail) - words[this.#completionHead]!;
    Atomics.store(words, this.#completionHead, words[this.#completionTail]!);
    return done;
  }
}

function spent(): number {
  libc.clock_gettime(CLOCK_THREAD_CPUTIME_ID, scratch.address);
  return scratch.words[0]! * 1e9 + scratch.words[2]!;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

function measure(rounds: number): void {
  const [fd] = inNamespace(NAMESPACE, () => openTap({ name: "t0" })).descriptors as [number];
  const links = new Rtnetlink(NAMESPACE);
  const { index } = links.requireLink("t0");
  writeSysctl("net/ipv6/conf/t0/disable_ipv6", 1, NAMESPACE);
  links.changeLink(index, { up: true });
  const arena = Arena.map(2 ** 26);
  const batch = new Batch();
  const buffers = arena.allocate(COUNT * BUFFER);
  for (let i = 0; i < COUNT; i++) {
    const at = buffers + i * BUFFER;
    arena.bytes.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd, 0x60], at + 10);
    batch.at[i] = at;
    batch.length[i] = FRAME;
  }
  const peer = inNamespace(NAMESPACE, () =>
    openPacketSocket({ index, about: "t0", receiveBuffer: 1 << 16, sendBuffer: 1 << 24, bypassQueue: true }),
  );
  const feed = new SendmmsgSender(arena, peer);
  const [reads, writes] = [new Uring(), new Uring()];
  for (let i = 0; i < COUNT; i++) {
    reads.prepare(i, IORING_OP_READ, fd, arena.address + batch.at[i]!, BUFFER);
    writes.prepare(i, IORING_OP_WRITE, fd, arena.address + batch.at[i]!, FRAME);
  }
  const each = (call: (i: number) => number): void => {
    for (let i = 0; i < COUNT; i++) must(call(i), "TAP");
  };
  const ways: Record<string, () => void> = {
    "write(2)": () => each((i) => libc.write(fd, arena.address + batch.at[i]!, FRAME)),
    "io_uring write": () => void writes.run(),
    "read(2)": () => each((i) => libc.read(fd, arena.address + batch.at[i]!, BUFFER)),
    "io_uring read": () => void reads.run(),
  };
  const costs = new Map<string, number[]>(Object.keys(ways).map((way) => [way, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [way, run] of Object.entries(ways)) {
      if (way.includes("read")) feed.send(batch, COUNT);
      const start = spent();
      run();
      costs.get(way)!.push((spent() - start) / COUNT);
    }
  }
  console.log("| way | CPU ns a frame |\n|---|---|");
  for (const [way, values] of costs) console.log(`| ${way} | ${median(values).toFixed(0)} |`);
}

deleteNamespace(NAMESPACE);
createNamespace(NAMESPACE);
try {
  measure(Number(process.argv[2] ?? 3000));
} finally {
  deleteNamespace(NAMESPACE);
}
