/**
 * The neighbor that the rehearsal's area is behind: just enough of one to become adjacent to a core that describes nothing
 * it would want, and to tell it LSAs then. It is the slave, repeats nothing and asks for nothing.
 */
import { Malformed } from "#base/reader";
import { ALL_SPF_ROUTERS, DATABASE_DESCRIPTION, HELLO, LINK_STATE_UPDATE } from "#ospf/packet/header";
import type { Lsa } from "#ospf/packet/lsa";
import { lsaHeaderAt } from "#ospf/packet/lsa-header";
import { type OspfPacket, readPacket, writePacket } from "#ospf/packet/packet";
import type { OspfDatagram } from "#router/ospf/frames";
import { GATE, OPTIONS, routerId } from "#router/ospf/rehearsal/area";

/** Octets of LSAs in one packet: as many as any link carries (RFC 8200 §5), headers apart. */
const ROOM = 1280 - 40 - 16 - 4;
const SENDER = { routerId: routerId(0), areaId: 0, instanceId: 0 };

export interface GateOptions {
  readonly linkLocal: Uint8Array;
  readonly mtu: number;
  /** Seconds, as the other end has them. */
  readonly hello: { readonly helloInterval: number; readonly routerDeadInterval: number };
}

/** Hears what its neighbor sends, and answers the octets of packets to ALL_SPF_ROUTERS. */
export function answerAsGate(sent: OspfDatagram, { linkLocal, mtu, hello }: GateOptions): Uint8Array | undefined {
  const read = readPacket(sent, "checksum");
  if (read instanceof Malformed) return undefined;
  const { packet } = read;
  if (packet.type === HELLO) {
    const nobody = { priority: 0, designatedRouter: 0, backupDesignatedRouter: 0 };
    const own = { interfaceId: GATE, options: OPTIONS, ...nobody, neighbors: [packet.routerId] };
    return octetsOf({ type: HELLO, ...SENDER, ...own, ...hello }, linkLocal);
  }
  if (packet.type !== DATABASE_DESCRIPTION) return undefined;
  const { sequence } = packet; // the master's (RFC 2328 §10.6)
  const own = { options: OPTIONS, interfaceMtu: mtu, flags: 0, sequence, headers: [] };
  return octetsOf({ type: DATABASE_DESCRIPTION, ...SENDER, ...own }, linkLocal);
}

/** Link State Updates with all of them. */
export function* updatesOf(lsas: Iterable<Uint8Array>, linkLocal: Uint8Array): Generator<Uint8Array> {
  let held: Lsa[] = [];
  let length = 0;
  for (const octets of lsas) {
    if (length + octets.length > ROOM) {
      yield octetsOf({ type: LINK_STATE_UPDATE, ...SENDER, lsas: held }, linkLocal);
      [held, length] = [[], 0];
    }
    held.push({ header: lsaHeaderAt(octets, 0), octets });
    length += octets.length;
  }
  yield octetsOf({ type: LINK_STATE_UPDATE, ...SENDER, lsas: held }, linkLocal);
}

const octetsOf = (packet: OspfPacket, linkLocal: Uint8Array): Uint8Array =>
  writePacket(packet, linkLocal, ALL_SPF_ROUTERS);
