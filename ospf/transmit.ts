/** Packets out: header fields from the interface, authentication trailer, counters (RFC 5340 §4.2.1, RFC 7166 §4). */

import type { AuthenticationKey } from "#ospf/config";
import type { Core } from "#ospf/core";
import { nowOf } from "#ospf/core";
import { appendTrailer, type SecurityAssociation, trailerOctets } from "#ospf/packet/auth-trailer";
import { ALL_D_ROUTERS, ALL_SPF_ROUTERS, SIZE } from "#ospf/packet/header";
import { OPTION_AT, OPTION_E, OPTION_N, OPTION_R, OPTION_V6 } from "#ospf/packet/options";
import { type OspfPacket, writePacket } from "#ospf/packet/packet";
import type { Area, Interface, Neighbor } from "#ospf/state";
import { SIZE as IPV6 } from "#wire/ipv6";

/** The only algorithm that is configured: RFC 7166 §4 requires it of all. */
const ALGORITHM = "hmac-sha-256";

/** A packet without what follows from the interface. */
export type PacketBody = OspfPacket extends infer P
  ? P extends OspfPacket
    ? Omit<P, "routerId" | "areaId" | "instanceId">
    : never
  : never;

/** Sends, and answers the packet as it was before authentication: for repetitions. */
export function send(core: Core, out: Interface, destination: Uint8Array, body: PacketBody): Uint8Array {
  const { config, area, linkLocal: source } = out;
  const sender = { routerId: core.instance.config.routerId, areaId: area.id, instanceId: config.instanceId };
  const octets = writePacket({ ...body, ...sender } as OspfPacket, source, destination);
  sendOctets(core, out, destination, octets);
  return octets;
}

/** Sends what `send` answered once more; its sequence number is a new one. */
export function sendOctets(core: Core, out: Interface, destination: Uint8Array, octets: Uint8Array): void {
  const { name, linkLocal: source } = out;
  out.counters.sent[octets[1]!]! += 1;
  core.turn.effects.push({
    type: "send",
    interface: name,
    source,
    destination,
    octets: authenticated(core, out, octets),
  });
}

/** Sequence numbers go on over restarts, being counted from the Unix time: in 1/256 ms, 2^53 of which last 1000 years. */
const SEQUENCES_PER_MILLI = 256;

function authenticated(core: Core, out: Interface, octets: Uint8Array): Uint8Array {
  const association = sendingAssociation(core, out);
  if (association === undefined) return octets;
  const unix = Math.floor(nowOf(core) + core.instance.clockOffset);
  core.authenticationSequence = Math.max(core.authenticationSequence + 1, unix * SEQUENCES_PER_MILLI);
  const high = Math.floor(core.authenticationSequence / 0x1_0000_0000);
  return appendTrailer(octets, out.linkLocal, association, { high, low: core.authenticationSequence >>> 0 });
}

/** The key that began last; when none has begun yet, none: a trailer is sent under the first all the same. */
function sendingAssociation(core: Core, out: Interface): SecurityAssociation | undefined {
  const keys = out.config.authentication?.keys;
  if (keys === undefined || keys.length === 0) return undefined;
  const unix = nowOf(core) + core.instance.clockOffset;
  const begun = keys.filter(({ sendFrom }) => sendFrom === undefined || sendFrom <= unix);
  const latest = begun.reduce<AuthenticationKey | undefined>(
    (best, key) => (best === undefined || (key.sendFrom ?? 0) >= (best.sendFrom ?? 0) ? key : best),
    undefined,
  );
  return associationOf(latest ?? keys[0]!);
}

/** What received packets may use (RFC 7166 §3). */
export function acceptedAssociations(core: Core, on: Interface): SecurityAssociation[] | undefined {
  const unix = nowOf(core) + core.instance.clockOffset;
  return on.config.authentication?.keys
    .filter(({ acceptUntil }) => acceptUntil === undefined || unix < acceptUntil)
    .map(associationOf);
}

const associationOf = ({ id, secret, swapsProtocolId }: AuthenticationKey): SecurityAssociation => ({
  id,
  algorithm: ALGORITHM,
  key: secret,
  ...(swapsProtocolId !== undefined && { swapsProtocolId }),
});

/** Octets that LSAs or headers may take in one packet of this interface, the `fixed` ones of its body apart. */
export function roomIn(out: Interface, fixed: number): number {
  const trailer = out.config.authentication === undefined ? 0 : trailerOctets(ALGORITHM);
  return out.mtu - IPV6 - SIZE - fixed - trailer;
}

/** Options of our Hellos and Database Descriptions (RFC 5340 §4.2.1.1, RFC 7166 §2.1). */
export function optionsOn(out: Interface): number {
  return areaOptions(out.area) | (out.config.authentication === undefined ? 0 : OPTION_AT);
}

/** V6 and R: we route IPv6. E and N by the kind of the area, and never both (RFC 5340 §A.2). */
export function areaOptions({ config }: Area): number {
  const kind = config.kind === "normal" ? OPTION_E : config.kind === "nssa" ? OPTION_N : 0;
  return OPTION_V6 | OPTION_R | kind;
}

/**
 * Where packets for one neighbor go. On a point-to-point link to the group, as all packets do (RFC 2328 §8.1): no address
 * needs to be resolved for them.
 */
export const towards = (neighbor: Neighbor): Uint8Array =>
  neighbor.interface.config.kind === "point-to-point" ? ALL_SPF_ROUTERS : neighbor.address;

/** Where updates and acknowledgments for all on the link go (RFC 2328 §13.3, §13.5). */
export function towardsAll({ config, state }: Interface): Uint8Array {
  const toAll = config.kind === "point-to-point" || state === "DR" || state === "Backup";
  return toAll ? ALL_SPF_ROUTERS : ALL_D_ROUTERS;
}
