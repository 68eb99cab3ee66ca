/** One frame, one ending: for each ending that a frame can bring about by itself, a frame that does. */
import { put16 } from "#base/bytes";
import { counting, framed, together, type Udp } from "#fastpath/testing/packet";
import type { Node } from "./hostile-world";
import type { Request } from "./wire";

export interface HostileCase {
  readonly title: string;
  /** The counter that goes up by one. */
  readonly ending: string;
  readonly frame: Uint8Array;
  readonly request?: Request;
  /** ICMP type and code that the sender is owed. */
  readonly owed?: readonly [type: number, code: number];
  /** The other counters of that port that go up, by how many. */
  readonly also?: Readonly<Record<string, number>>;
  /** The one node that gets the packet, or an answer to it other than `owed`. */
  readonly reaches?: Node;
}

export const octets = (...values: number[]): Uint8Array => Uint8Array.from(values);

/** Data that no other packet here carries, to be recognised wherever it turns up. */
export const MARK = new TextEncoder().encode("hostile!");
export const marked = (length: number): Uint8Array => together(MARK, counting(Math.max(0, length - MARK.length)));
export const udp = (length = 32): Udp => ({ kind: "udp", data: marked(length) });

/** The frame with another EtherType. */
export const withType = (frame: Uint8Array, type: number): Uint8Array => {
  const other = frame.slice();
  put16(other, 12, type);
  return other;
};

/** The packet in a frame of these MAC addresses. */
export const between = (packet: Uint8Array, destination: Uint8Array, source: Uint8Array): Uint8Array =>
  framed(packet, destination, source);

/** One octet of the packet changed. */
export function patched(packet: Uint8Array, at: number, value: number): Uint8Array {
  const other = packet.slice();
  other[at] = value;
  return other;
}

const ON_THE_MOVE =
  "only while a VM moves: fastpath/stages/tunnel-end.test.ts and tunnel-relay.test.ts bring each about, mobility.e2e.test.ts most";
const ON_A_SEGMENT =
  "only with other hypervisors on a segment: fastpath/stages/bridged.test.ts and broadcast.e2e.test.ts bring each about";
const AT_A_SWITCH =
  "only of multicast that a switch is asked for: fastpath/stages/bridged.test.ts, and what it passes on broadcast.e2e.test.ts";
const AT_A_GATEWAY = "only at a gateway: fastpath/gateway.test.ts brings each about, gateway.e2e.test.ts most of them";

/**
 * Endings that no single frame brings about, and why. What becomes of floods is tested with them (punt-limited), of
 * packets that wait with them (hold-…); the rest where it can be made to happen.
 */
export const NOT_BY_ONE_FRAME: Readonly<Record<string, string>> = {
  "punt-own": "tested with the packets that wait",
  "punt-learn": "tested with the packets that wait",
  "punt-neighbor": "tested with the packets that wait",
  "hold-overflow": "tested with the packets that wait",
  "hold-ended": "tested with the packets that wait",
  "punt-limited": "tested with the floods",
  "punt-full": "only while the control thread is busy; a full ring that refuses (`push`): frame-ring.test.ts",
  "inject-full": "only while a forwarder is busy: held-frames.test.ts, with a ring that refuses",
  "service-stray": "only from the router's own namespace: from-service.test.ts",
  "connections-full":
    "only with more connections than fit, all of them answered (`REFUSED_FULL`): connection-bounds.test.ts",
  "connection-quota": "tested with the tenants' rules: tenants.e2e.test.ts",
  "hold-full": "only with a thousand neighbours that are all in use (`drop 9 full`): neighbors.test.ts",
  "port-down": "only in the moment between a port's end and the word of it: conservation.property.test.ts",
  "transmit-failed": "only on a kernel without io_uring, at a TAP that is down (`transmitErrors`): ports.e2e.test.ts",
  "punt-activate": ON_THE_MOVE,
  "punt-held": ON_THE_MOVE,
  "tunnel-loop": ON_THE_MOVE,
  "broadcast-limited": "tested with the floods",
  "oversized-broadcast": ON_A_SEGMENT,
  "broadcast-spoofed": ON_A_SEGMENT,
  "broadcast-echo": ON_A_SEGMENT,
  "broadcast-unfit": ON_A_SEGMENT,
  replicated: AT_A_SWITCH,
  "reverse-path": AT_A_SWITCH,
  "not-a-tunnel-end": AT_A_GATEWAY,
  "to-outside": AT_A_GATEWAY,
  "outside-ipv6": AT_A_GATEWAY,
  "inside-source": AT_A_GATEWAY,
  "inside-destination": AT_A_GATEWAY,
  "outside-stray": AT_A_GATEWAY,
  "nat-no-block": AT_A_GATEWAY,
  "nat-quota": AT_A_GATEWAY,
  "nat-full": AT_A_GATEWAY,
  "nat-none": AT_A_GATEWAY,
  "nat-protocol": AT_A_GATEWAY,
  "nat-no-syn": AT_A_GATEWAY,
  "nat-unbound": AT_A_GATEWAY,
  "nat-filtered": AT_A_GATEWAY,
  "nat-fragment": AT_A_GATEWAY,
  internal: "only by a defect",
};
