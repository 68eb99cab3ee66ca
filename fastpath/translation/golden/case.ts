/** What a golden case is. RFC 7915's rules as octets: what comes in, what goes out or how it ends. */
import { counting, together } from "#fastpath/testing/packet";
import { plainChecksum } from "#fastpath/testing/plain-checksum";
import type { Reason } from "../oracle/outcome";

export interface Step {
  /** An IP packet as it comes in. */
  readonly input: Uint8Array;
  /** The IP packets that leave because of it: translated ones, or the ICMP error its sender gets. */
  readonly output: readonly Uint8Array[];
  /** Why nothing was translated; absent when something was. */
  readonly ending?: Reason;
}

export interface GoldenCase {
  /** Section and subject; the stem of its pcap files. */
  readonly name: string;
  /** A sentence that cites its section. */
  readonly title: string;
  /** "out": VM → fabric. "in": fabric → VM. */
  readonly direction: "out" | "in";
  /** Octets of IP packets; default 1500. */
  readonly fabricMtu: number;
  readonly vmMtu: number;
  readonly steps: readonly Step[];
}

export type Mtus = Partial<Pick<GoldenCase, "fabricMtu" | "vmMtu">>;

const made =
  (direction: "out" | "in") =>
  (name: string, title: string, steps: readonly Step[], mtus: Mtus = {}): GoldenCase => ({
    name,
    title: `${title} (RFC 7915 §${name.split("-")[0]})`,
    direction,
    fabricMtu: 1500,
    vmMtu: 1500,
    steps,
    ...mtus,
  });

export const outbound = made("out");
export const inbound = made("in");

export const becomes = (input: Uint8Array, ...output: readonly Uint8Array[]): Step => ({ input, output });
export const dropped = (input: Uint8Array, ending: Reason): Step => ({ input, output: [], ending });
/** `error`: the ICMP error that goes back. */
export const answered = (input: Uint8Array, ending: Reason, error: Uint8Array): Step => ({
  input,
  output: [error],
  ending,
});

/** A copy with single octets changed, offset → value; no checksum is put right. */
export function patched(octets: Uint8Array, changes: Record<number, number>): Uint8Array {
  const copy = octets.slice();
  for (const [at, value] of Object.entries(changes)) copy[Number(at)] = value;
  return copy;
}

/** An ICMP extension structure of one private object with `octets` of data; opaque to the translator. RFC 4884 §7, §8. */
export function extensionOf(octets: number): Uint8Array {
  const object = together(Uint8Array.of((octets + 4) >> 8, (octets + 4) & 0xff, 0xf7, 1), counting(octets));
  const checksum = plainChecksum([0x20, 0, 0, 0, ...object]);
  return together(Uint8Array.of(0x20, 0, checksum >> 8, checksum & 0xff), object);
}
