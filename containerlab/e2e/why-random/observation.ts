/** What really passes in the deployment: every frame of the test's that arrives at any end of any link, and every counter. */
import { fromHex, put16, put32, toHex, u16, u32 } from "#base/bytes";
import type { CounterView } from "#router/views";
import type { TestLab } from "../test-lab";
import { Wire } from "../wire";
import { ENDS, MACHINES, ROUTERS, vmInterface } from "./world";

/** What all payloads are made of: 8 octets that nobody else sends, the case's number twice. Each whole in every piece. */
const MAGIC = new TextEncoder().encode("whyTest!");
export const BLOCK = 16;

/** `length` octets of payload of a case, at least one whole block of it. */
export function payload(serial: number, length: number): Uint8Array {
  const out = new Uint8Array(Math.max(BLOCK, length));
  const block = new Uint8Array(BLOCK);
  block.set(MAGIC);
  put32(block, 8, serial);
  put32(block, 12, serial);
  for (let at = 0; at < out.length; at += BLOCK) out.set(block.subarray(0, Math.min(BLOCK, out.length - at)), at);
  return out;
}

export const nonceOf = (serial: number): string => toHex(payload(serial, BLOCK));

/** Number of the case that a frame is of, or quotes; undefined: of none. */
export function serialOf(frame: Uint8Array): number | undefined {
  const at = Buffer.from(frame.buffer, frame.byteOffset, frame.length).indexOf(MAGIC);
  return at < 0 || at + 12 > frame.length ? undefined : u32(frame, at + 8);
}

/** A frame that arrived, or is to: `<node> <interface>`. */
export interface Arrival {
  readonly at: string;
  readonly frame: Uint8Array;
}

/** Sockets at the ends of all links. They see what comes in there, before whoever lives there has it. */
export class Observation {
  readonly #wires = new Map<string, Wire>();

  constructor(lab: TestLab) {
    for (const end of new Set(ENDS.values())) {
      const [node, name] = end.split(" ") as [string, string];
      this.#wires.set(end, new Wire(lab.namespace(node), name));
    }
  }

  /** Sends a frame of a VM's, or of the outside's. */
  send(node: string, frame: Uint8Array): void {
    const ways = MACHINES.find(({ name }) => name === node)?.ways ?? [];
    if (!this.#wires.get(`${node} ${vmInterface(ways)}`)!.send(frame))
      throw new Error(`${node}: the kernel refuses a frame`);
  }

  /** What has come since the last time, by case. */
  take(): Map<number, Arrival[]> {
    const found = new Map<number, Arrival[]>();
    for (const [at, wire] of this.#wires) {
      for (const frame of wire.take()) {
        const serial = serialOf(frame);
        if (serial === undefined) continue;
        const list = found.get(serial) ?? [];
        list.push({ at, frame });
        found.set(serial, list);
      }
    }
    return found;
  }

  close(): void {
    for (const wire of this.#wires.values()) wire.close();
  }
}

/**
 * The arrival as text, without what no prediction knows: an IPv4 header's identification, which a translator counts up for
 * itself, and with it that header's checksum. `port`: the NAT's too, which is a random one.
 */
export function comparable({ at, frame }: Arrival, hidesPort: boolean): string {
  const b = frame.slice();
  if (u16(b, 12) === 0x0800) {
    const isPiece = (u16(b, 20) & 0x3fff) !== 0;
    if (!isPiece) put16(b, 18, 0);
    put16(b, 24, 0);
    if (hidesPort && at === "o eth1") hideSource(b);
  }
  return `${at} ${toHex(b)}`;
}

/** Port or identifier of the sender, and the transport's checksum. */
function hideSource(b: Uint8Array): void {
  const transport = 14 + 4 * (b[14]! & 15);
  const protocol = b[23]!;
  b.fill(0, 26, 30); // any of the NAT's addresses
  if (protocol === 1) b.fill(0, transport + 2, transport + 6);
  else b.fill(0, transport, transport + 2);
  if (protocol === 6) b.fill(0, transport + 16, transport + 18);
  if (protocol === 17) b.fill(0, transport + 6, transport + 8);
}

/** By `<router> <port> <ending>`. */
export type Counts = ReadonlyMap<string, number>;

/**
 * Endings of frames that routers have of one another all the time, VMs apart: neighbor discovery, mobility's messages, and
 * answers. The rest is the test's alone.
 */
const IS_OTHERS = new Set([
  "transit",
  "originated",
  "punt-local",
  "punt-nd",
  "punt-arp",
  "punt-own",
  "rarp",
  "punt-neighbor",
  "control-ignored",
]);

/** What is told of a home that nobody has a route to, while it is asked where an address is. */
export const isAtLeast = (name: string): boolean => name.startsWith("sw") && name.endsWith(" no-route");

export async function countsOf(lab: TestLab): Promise<Counts> {
  const all = await Promise.all(
    ROUTERS.map(async (router) => {
      const counters = (await lab.show(router, "counters")) as readonly CounterView[];
      return counters
        .filter(({ port, ending }) => port !== "metadata" && !IS_OTHERS.has(ending))
        .map(({ port, ending, frames }): [string, number] => [`${router} ${port} ${ending}`, frames]);
    }),
  );
  return new Map(all.flat());
}

/** True for a counter that {@link countsOf} has. */
export const isCounted = (port: string, ending: string): boolean => port !== "metadata" && !IS_OTHERS.has(ending);

/** What is more in `after`. */
export function growth(before: Counts, after: Counts): Map<string, number> {
  const more = new Map<string, number>();
  for (const [name, frames] of after) {
    const grown = frames - (before.get(name) ?? 0);
    if (grown !== 0) more.set(name, grown);
  }
  return more;
}

export const octetsOfHex = (hex: string): Uint8Array => fromHex(hex)!;
