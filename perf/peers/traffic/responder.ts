/**
 * The far end of the UDP measurements, in vmB: counts, tells the count, sends back. Sleeps in the kernel while nothing
 * comes. Usage: `bun responder.ts`; prints a line when it listens and runs until it is ended.
 */
import { SLOT, UdpBatch } from "#sys/udp-batch";
import { waitMicros } from "#sys/wait";
import * as message from "./message";

/** Some 60 000 small datagrams: a sink that is off the CPU for a moment must not look like a lossy network. */
const RECEIVE_BUFFER = 64 * 1024 * 1024; // octets
/** Sequence numbers of a trial that are told apart: 2^25, more than any trial sends. */
const SEQUENCES = 2 ** 25;

const NAP = 200; // µs
/** 5 ms without a datagram: the trial is over. */
const IDLE_NAPS = 25;

class Tally {
  trial = -1;
  received = 0;
  readonly #seen = new Uint32Array(SEQUENCES / 32);

  begin(trial: number): void {
    this.trial = trial;
    this.received = 0;
    this.#seen.fill(0);
  }

  /** Counts each number once, however often and in whatever order it comes. */
  add(sequence: number): void {
    const word = (sequence % SEQUENCES) >>> 5;
    const bit = 1 << (sequence & 31);
    if (this.#seen[word]! & bit) return;
    this.#seen[word]! |= bit;
    this.received++;
  }
}

function answer(socket: UdpBatch, tally: Tally, slot: number): void {
  const { payloads } = socket;
  const at = slot * SLOT;
  const trial = message.trial(payloads, at);
  switch (message.kind(payloads, at)) {
    case message.DATA:
      if (trial === tally.trial) tally.add(message.sequence(payloads, at));
      return;
    case message.COUNT:
      if (trial !== tally.trial) tally.begin(trial);
      message.setSequence(payloads, at, tally.received);
      socket.reply(slot);
      return;
    case message.ECHO:
      socket.reply(slot);
  }
}

const socket = new UdpBatch({ host: "0.0.0.0", port: message.PORT });
socket.setReceiveBuffer(RECEIVE_BUFFER);
const tally = new Tally();
console.log("listening");
/**
 * While datagrams stream in, looks for them every {@link NAP}: were it asleep in the socket, the kernel would wake it for
 * each of them, at the expense of whoever delivers.
 */
function drain(): void {
  for (let idle = 0; idle < IDLE_NAPS; idle++) {
    waitMicros(NAP);
    for (let count = socket.take(); count > 0; count = socket.take()) {
      for (let slot = 0; slot < count; slot++) answer(socket, tally, slot);
      idle = 0;
    }
  }
}

for (;;) {
  const count = socket.receive();
  let streaming = false;
  for (let slot = 0; slot < count; slot++) {
    answer(socket, tally, slot);
    streaming ||= message.kind(socket.payloads, slot * SLOT) === message.DATA;
  }
  if (streaming) drain();
}
