/**
 * The UDP generator, in vmA: finds the highest rate of 64-octet frames that reaches the responder with at most 0.1 %
 * lost. Prints the result as JSON. Usage: `bun udp-rate.ts OWN-ADDRESS ADDRESS NEXT-HOP-MAC SECONDS-PER-TRIAL`.
 *
 * Frames go straight to the device, as the kernel's UDP would cost as much as a router. Between bursts it sleeps in the
 * kernel: a spinning sender would take a CPU from the routers it measures.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { FRAME_SLOT, FrameBatch } from "#sys/frame-batch";
import { UdpBatch } from "#sys/udp-batch";
import { waitMicros } from "#sys/wait";
import { dataFrame, MESSAGE, type Path, SIZE } from "./data-frame";
import * as message from "./message";
import { searchLossFree, type Trial } from "./search";

const DEVICE = "eth0";
const BATCH = 64;
/** A burst every 100 µs: smaller ones cost more wake-ups than packets, larger ones test queues instead of speed. */
const BURST_INTERVAL = 100e-6; // s
/** A sender that was off the CPU does not catch up on more than this: that would be a burst nobody asked for. */
const MOST_OVERDUE = 128; // datagrams
const DRAIN = 30; // ms for what is still under way at a trial's end
const ANSWER_WAIT = 100; // ms
const QUESTIONS = 50;

const now = (): number => Bun.nanoseconds() / 1e9;

class Generator {
  readonly #path: Path;
  readonly #device = new FrameBatch(DEVICE, BATCH);
  readonly #control = new UdpBatch({ host: "0.0.0.0", port: 0 }, 1);
  #trial = 0;
  #query = 0;

  constructor(path: Path) {
    this.#path = path;
    this.#control.connect({ host: path.destination.join("."), port: message.PORT });
    this.#control.setReceiveTimeout(ANSWER_WAIT);
  }

  async trial(rate: number, seconds: number): Promise<Trial> {
    this.#trial++;
    this.#askCount(); // a new trial's number starts the responder's count at 0
    const frame = dataFrame(this.#path, this.#trial);
    for (let slot = 0; slot < BATCH; slot++) this.#device.frames.set(frame, slot * FRAME_SLOT);
    const begin = now();
    const sent = this.#send(rate, begin, begin + seconds);
    const offered = sent / (now() - begin);
    await Bun.sleep(DRAIN);
    return { wanted: rate, offered, loss: 1 - this.#askCount() / sent };
  }

  /** Sends at `rate` until `end`, seconds of {@link now}. Returns how many datagrams went out. */
  #send(rate: number, begin: number, end: number): number {
    const burst = Math.max(1, Math.min(BATCH, Math.round(rate * BURST_INTERVAL)));
    let sent = 0;
    let forgiven = 0; // datagrams that were due while the sender could not run, and are not made up for
    for (let time = begin; time < end; time = now()) {
      const due = Math.floor((time - begin) * rate) - sent - forgiven;
      if (due < burst) {
        waitMicros(((burst - due) / rate) * 1e6);
        continue;
      }
      if (due > MOST_OVERDUE) forgiven += due - MOST_OVERDUE;
      sent += this.#sendBatch(sent, Math.min(due, BATCH));
    }
    return sent;
  }

  #sendBatch(first: number, count: number): number {
    const { frames } = this.#device;
    for (let slot = 0; slot < count; slot++) message.setSequence(frames, slot * FRAME_SLOT + MESSAGE, first + slot);
    return this.#device.send(count, SIZE);
  }

  #askCount(): number {
    const { payloads } = this.#control;
    for (let question = 0; question < QUESTIONS; question++) {
      this.#query = (this.#query + 1) & 0xff;
      message.write(payloads, 0, { kind: message.COUNT, query: this.#query, trial: this.#trial });
      this.#control.send(message.SIZE);
      if (this.#control.receive() > 0 && message.query(payloads, 0) === this.#query)
        return message.sequence(payloads, 0);
    }
    throw new Error(`the responder did not answer ${QUESTIONS} times`);
  }
}

function octets(text: string | undefined, separator: string, radix: number, count: number): Uint8Array {
  const parts = (text ?? "").split(separator).map((part) => Number.parseInt(part, radix));
  if (parts.length !== count || parts.some((part) => !(part >= 0 && part <= 255))) {
    throw new Error(`usage: udp-rate.ts OWN-ADDRESS ADDRESS NEXT-HOP-MAC SECONDS; '${text}' is none of them`);
  }
  return Uint8Array.from(parts);
}

const mac = (text: string | undefined): Uint8Array => octets(text?.trim(), ":", 16, 6);
const address = (text: string | undefined): Uint8Array => octets(text, ".", 10, 4);

const [own, peer, nextHop, secondsText = "1"] = process.argv.slice(2);
const seconds = Number(secondsText);
writeFileSync("/proc/self/timerslack_ns", "1"); // else every sleep is up to 50 µs longer
const generator = new Generator({
  sourceMac: mac(readFileSync(`/sys/class/net/${DEVICE}/address`, "utf8")),
  nextHopMac: mac(nextHop),
  source: address(own),
  destination: address(peer),
});
await generator.trial(100_000, Math.min(seconds, 0.3)); // the JIT's and the caches' first time
const options = { tolerance: 0.001, firstRate: 50_000, precision: 0.04 };
console.log(JSON.stringify(await searchLossFree((rate) => generator.trial(rate, seconds), options)));
