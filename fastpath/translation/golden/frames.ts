/** A golden case as two captures: what came in, and what went out because of it. */
import { framed } from "#fastpath/testing/packet";
import { writePcap } from "#wire/pcap";
import type { GoldenCase } from "./case";
import { GATEWAY_MAC, NEXT_HOP_MAC, UPLINK_MAC, VM_MAC } from "./world";

/** 2024-01-01T00:00:00Z: captures are to be the same octets on every day. */
const START_SECONDS = 1_704_067_200;

/** The frame as it arrives: from the VM, or from the fabric's next hop. */
export const arriving = (packet: Uint8Array, direction: GoldenCase["direction"]): Uint8Array =>
  direction === "out" ? framed(packet, GATEWAY_MAC, VM_MAC) : framed(packet, UPLINK_MAC, NEXT_HOP_MAC);

/** The frame as it leaves: IPv4 to the VM, IPv6 into the fabric. */
export const leaving = (packet: Uint8Array): Uint8Array =>
  packet[0]! >> 4 === 4 ? framed(packet, VM_MAC, GATEWAY_MAC) : framed(packet, NEXT_HOP_MAC, UPLINK_MAC);

export interface Captures {
  readonly input: Uint8Array;
  readonly output: Uint8Array;
}

/** Both files' octets; the steps of a case are a millisecond apart. */
export function capturesOf(golden: GoldenCase): Captures {
  const at = (step: number) => ({ seconds: START_SECONDS, nanos: step * 1_000_000 });
  const input = golden.steps.map((step, i) => ({ ...at(i), octets: arriving(step.input, golden.direction) }));
  const output = golden.steps.flatMap((step, i) => step.output.map((p) => ({ ...at(i), octets: leaving(p) })));
  return { input: writePcap(input), output: writePcap(output) };
}

/** Where the captures of a case are kept. */
export const pathsOf = (golden: GoldenCase): { input: string; output: string } => ({
  input: `${import.meta.dir}/${golden.name}.in.pcap`,
  output: `${import.meta.dir}/${golden.name}.out.pcap`,
});
