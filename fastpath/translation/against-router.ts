/** One packet through the router and through the oracle: do they agree? */
import { isLinkLocal6 } from "#base/address";
import { describe } from "#fastpath/testing/describe";
import { framed } from "#fastpath/testing/packet";
import {
  GATEWAY,
  GATEWAY_MAC,
  NEXT_HOP_MAC,
  type Offload,
  ROUTER_ADDRESS,
  SmallRouter,
  UPLINK_MAC,
  VM_A,
} from "#fastpath/testing/small-router";
import { ENDINGS } from "#fastpath/verdicts";
import { masked } from "./masked";
import { translate4to6 } from "./oracle/four-to-six";
import { icmp4Error, icmp6Error } from "./oracle/icmp-error";
import { same } from "./oracle/octets";
import type { Outcome } from "./oracle/outcome";
import { translate6to4 } from "./oracle/six-to-four";
import { inboundContext, isAtHome, type Mtus, outboundContext, passesBy6, staysHere4 } from "./small-world";

export type Direction = "out" | "in";

/** A router with the given links. */
export const routerWith = ({ fabricMtu, vmMtu }: Mtus, cacheEntries: number): SmallRouter =>
  new SmallRouter({ uplinkMtu: fabricMtu, vmMtu, cacheEntries });

/** True when a packet is the translator's business at all. */
export function concernsTranslation(packet: Uint8Array, direction: Direction): boolean {
  if (direction === "out") return packet.length < 20 || !staysHere4(packet.slice(16, 20));
  if (packet.length < 40) return true;
  const destination = packet.slice(24, 40);
  return !passesBy6(destination);
}

export function oracleSays(packet: Uint8Array, direction: Direction, mtus: Mtus): Outcome {
  return direction === "out"
    ? translate4to6(packet, outboundContext(mtus))
    : translate6to4(packet, inboundContext(mtus, packet.slice(24, 40)));
}

/** The packets that leave when the oracle is right: translated ones, or the error that goes back. */
export function packetsOf(outcome: Outcome, packet: Uint8Array, direction: Direction): readonly Uint8Array[] {
  if (outcome.kind === "packets") return outcome.packets;
  if (outcome.kind === "dropped") return [];
  // No fabric packet can come from this very home, and no route leads to a link-local address: no way for an error.
  if (direction === "in" && (isAtHome(packet.slice(8, 24)) || isLinkLocal6(packet.slice(8, 24)))) return [];
  return direction === "out"
    ? [icmp4Error(packet, outcome.owed, GATEWAY, 0)]
    : [icmp6Error(packet, outcome.owed, ROUTER_ADDRESS)];
}

/** What the router sent because of a packet, and how the packet ended (and, when it cannot be sent, its error). */
export function routerDoes(router: SmallRouter, packet: Uint8Array, direction: Direction, offload: Offload = {}) {
  const port = direction === "out" ? 1 : 0;
  const frame =
    direction === "out"
      ? framedAs(0x0800, packet, GATEWAY_MAC, VM_A.mac)
      : framedAs(0x86dd, packet, UPLINK_MAC, NEXT_HOP_MAC);
  router.engine.tick(); // errors are limited in rate, the oracle is not
  const before = router.endings(port);
  const sent = router.offer(port, frame, offload);
  const endings = Object.entries(router.endings(port)).filter(
    ([name, count]) => name !== "originated" && count !== (before[name] ?? 0),
  );
  return { sent, endings: endings.map(([name]) => name) };
}

/** The EtherType says what the direction is, whatever the packet's own first octet claims. */
function framedAs(type: number, packet: Uint8Array, destination: Uint8Array, source: Uint8Array): Uint8Array {
  const frame = framed(packet, destination, source);
  frame[12] = type >> 8;
  frame[13] = type & 0xff;
  return frame;
}

/** Undefined when they agree, else a message with one line for each packet. */
export function disagreement(
  router: SmallRouter,
  packet: Uint8Array,
  direction: Direction,
  mtus: Mtus,
): string | undefined {
  const outcome = oracleSays(packet, direction, mtus);
  const wanted = packetsOf(outcome, packet, direction);
  const { sent, endings } = routerDoes(router, packet, direction);
  const got = sent.map(({ octets }) => octets.slice(14));
  const expectedEnding = outcome.kind === "packets" ? (direction === "out" ? "to-fabric" : "to-vm") : outcome.reason;
  const isGenerated = direction === "in" || outcome.kind === "answered";
  // A packet with several faults may be dropped for any of them; the golden cases have one each, and its name.
  const isSame = endings.includes(expectedEnding) || (outcome.kind === "dropped" && endings.every(isDrop));
  if (isSame && agree(wanted, got, isGenerated)) return undefined;
  return [
    `${direction === "out" ? "VM → fabric" : "fabric → VM"} (${mtus.vmMtu}, ${mtus.fabricMtu}): ${describe(packet)}`,
    `  oracle: ${expectedEnding}`,
    ...wanted.map((p) => `    ${describe(p)}`),
    `  router: ${endings.join(" and ")}`,
    ...got.map((p) => `    ${describe(p)}`),
  ].join("\n");
}

const isDrop = (ending: string): boolean => ENDINGS.find(({ name }) => name === ending)?.fate === "dropped";

/** `isGenerated`: unfragmented IPv4 packets bear an identification of the router's choice. */
function agree(wanted: readonly Uint8Array[], got: readonly Uint8Array[], isGenerated: boolean): boolean {
  return (
    wanted.length === got.length &&
    wanted.every((p, i) => same(masked(p, isGenerated && isFree(p)), masked(got[i]!, isGenerated && isFree(p))))
  );
}

/** Neither DF set (then it is 0) nor a fragment of the sender's making. The oracle's own choice is 0. */
const isFree = (p: Uint8Array): boolean => p[0]! >> 4 === 4 && (p[6]! & 0x40) === 0 && p[4] === 0 && p[5] === 0;
