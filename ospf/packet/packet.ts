/** The five OSPFv3 packets as values, read from and written to the payload of an IPv6 packet. RFC 5340 §A.3. */
import { decode, Malformed, type Reader } from "#base/reader";
import { Writer } from "#base/writer";
import {
  checksumHolds,
  DATABASE_DESCRIPTION,
  type Datagram,
  HELLO,
  type Layout,
  LINK_STATE_ACKNOWLEDGMENT,
  LINK_STATE_REQUEST,
  LINK_STATE_UPDATE,
  layout,
  VERSION,
  writeChecksum,
} from "#ospf/packet/header";
import { type Lsa, readLsa, writeLsaOctets } from "#ospf/packet/lsa";
import { type LsaHeader, type LsaIdentity, readLsaHeader, writeLsaHeader } from "#ospf/packet/lsa-header";

/** What every packet says of its sender. */
export interface Sender {
  /** 0 … 2^32 − 1. */
  readonly routerId: number;
  /** 0: the backbone. */
  readonly areaId: number;
  /** 8 bits. */
  readonly instanceId: number;
}

export interface Hello extends Sender {
  readonly type: typeof HELLO;
  /** Of the sender on this link: 0 … 2^32 − 1. */
  readonly interfaceId: number;
  /** 8 bits; 0: never Designated Router. */
  readonly priority: number;
  /** OPTION_… bits: 24. */
  readonly options: number;
  /** Seconds, 16 bits. */
  readonly helloInterval: number;
  readonly routerDeadInterval: number;
  /** Router IDs; 0: none. */
  readonly designatedRouter: number;
  readonly backupDesignatedRouter: number;
  /** Router IDs of those the sender has heard of late. */
  readonly neighbors: readonly number[];
}

// Flags of Database Descriptions (§A.3.3).
/** Master. */
export const DD_MS = 0x01;
/** More will follow. */
export const DD_M = 0x02;
/** Init: the first of the sequence. */
export const DD_I = 0x04;

export interface DatabaseDescription extends Sender {
  readonly type: typeof DATABASE_DESCRIPTION;
  readonly options: number;
  /** Octets, 16 bits; 0 over a virtual link. */
  readonly interfaceMtu: number;
  /** DD_… bits: 8. */
  readonly flags: number;
  /** DD sequence number: 0 … 2^32 − 1. */
  readonly sequence: number;
  readonly headers: readonly LsaHeader[];
}

export interface LinkStateRequest extends Sender {
  readonly type: typeof LINK_STATE_REQUEST;
  readonly requests: readonly LsaIdentity[];
}

export interface LinkStateUpdate extends Sender {
  readonly type: typeof LINK_STATE_UPDATE;
  /** As framed by their lengths: neither checksums nor bodies have been looked at (RFC 2328 §13 does, one by one). */
  readonly lsas: readonly Lsa[];
}

export interface LinkStateAcknowledgment extends Sender {
  readonly type: typeof LINK_STATE_ACKNOWLEDGMENT;
  readonly headers: readonly LsaHeader[];
}

export type OspfPacket = Hello | DatabaseDescription | LinkStateRequest | LinkStateUpdate | LinkStateAcknowledgment;

export interface ReceivedPacket extends Layout {
  readonly packet: OspfPacket;
}

/**
 * What vouches for the octets: the header's checksum, or an authentication trailer that the caller has verified, in which
 * case the checksum is not looked at (RFC 7166 §4.2).
 */
export type Integrity = "checksum" | "trailer";

/**
 * Reads a payload. Refused: what {@link layout} refuses, a checksum that does not hold, counts and lengths that do not
 * fill the packet exactly. Octets after packet and signalling block are not looked at. All parts are copies: the payload
 * may be used again. The work is bounded by the payload's length whatever it says.
 */
export function readPacket(datagram: Datagram, integrity: Integrity): ReceivedPacket | Malformed {
  const { octets } = datagram;
  const parts = layout(octets);
  if (parts instanceof Malformed) return parts;
  if (integrity === "checksum" && !checksumHolds(datagram)) return new Malformed("checksum", 12);
  const packet = decode(octets, readWhole, 0, parts.packetEnd);
  return packet instanceof Malformed ? packet : { packet, ...parts };
}

function readWhole(r: Reader): OspfPacket {
  r.skip(1);
  const type = r.u8();
  r.skip(2);
  const routerId = r.u32();
  const areaId = r.u32();
  r.skip(2);
  const sender: Sender = { routerId, areaId, instanceId: r.u8() };
  r.skip(1);
  const packet = readBody(r, type, sender);
  r.expectEnd();
  return packet;
}

function readBody(r: Reader, type: number, sender: Sender): OspfPacket {
  switch (type) {
    case HELLO:
      return readHello(r, sender);
    case DATABASE_DESCRIPTION:
      return readDatabaseDescription(r, sender);
    case LINK_STATE_REQUEST:
      return { type, ...sender, requests: all(r, readRequest) };
    case LINK_STATE_UPDATE:
      return readUpdate(r, sender);
    case LINK_STATE_ACKNOWLEDGMENT:
      return { type, ...sender, headers: all(r, readLsaHeader) };
    default:
      return r.fail("unknown packet type", 1);
  }
}

/** As many as fill the rest exactly. `read` takes an octet at least. */
function all<T>(r: Reader, read: (r: Reader) => T): T[] {
  const found: T[] = [];
  while (r.remaining > 0) found.push(read(r));
  return found;
}

/** §A.3.2. */
function readHello(r: Reader, sender: Sender): Hello {
  return {
    type: HELLO,
    ...sender,
    interfaceId: r.u32(),
    priority: r.u8(),
    options: r.u24(),
    helloInterval: r.u16(),
    routerDeadInterval: r.u16(),
    designatedRouter: r.u32(),
    backupDesignatedRouter: r.u32(),
    neighbors: all(r, (rest) => rest.u32()),
  };
}

/** §A.3.3. */
function readDatabaseDescription(r: Reader, sender: Sender): DatabaseDescription {
  r.skip(1);
  const options = r.u24();
  const interfaceMtu = r.u16();
  r.skip(1);
  return {
    type: DATABASE_DESCRIPTION,
    ...sender,
    options,
    interfaceMtu,
    flags: r.u8(),
    sequence: r.u32(),
    headers: all(r, readLsaHeader),
  };
}

/** §A.3.4. */
function readRequest(r: Reader): LsaIdentity {
  r.skip(2);
  return { type: r.u16(), linkStateId: r.u32(), advertisingRouter: r.u32() };
}

/** §A.3.5. An LSA takes 20 octets at least: a lying count ends at the packet's end. */
function readUpdate(r: Reader, sender: Sender): LinkStateUpdate {
  const count = r.u32();
  const lsas: Lsa[] = [];
  for (let i = 0; i < count; i++) lsas.push(readLsa(r));
  return { type: LINK_STATE_UPDATE, ...sender, lsas };
}

/**
 * The payload, checksum filled in. Throws RangeError for fields out of range, packets of more than 65 535 octets among
 * them. For a link with authentication, `appendTrailer` of auth-trailer.ts takes it on from here.
 */
export function writePacket(packet: OspfPacket, source: Uint8Array, destination: Uint8Array): Uint8Array {
  const w = new Writer(1500);
  w.u8(VERSION);
  w.u8(packet.type);
  w.u16(0); // length
  w.u32(packet.routerId);
  w.u32(packet.areaId);
  w.u16(0); // checksum
  w.u8(packet.instanceId);
  w.u8(0);
  writeBody(w, packet);
  w.patch16(2, w.length);
  const octets = w.finish();
  writeChecksum({ source, destination, octets });
  return octets;
}

function writeBody(w: Writer, packet: OspfPacket): void {
  switch (packet.type) {
    case HELLO:
      writeHello(w, packet);
      break;
    case DATABASE_DESCRIPTION:
      writeDatabaseDescription(w, packet);
      break;
    case LINK_STATE_REQUEST:
      for (const { type, linkStateId, advertisingRouter } of packet.requests) {
        w.u16(0);
        w.u16(type);
        w.u32(linkStateId);
        w.u32(advertisingRouter);
      }
      break;
    case LINK_STATE_UPDATE:
      w.u32(packet.lsas.length);
      for (const lsa of packet.lsas) writeLsaOctets(w, lsa);
      break;
    case LINK_STATE_ACKNOWLEDGMENT:
      for (const header of packet.headers) writeLsaHeader(w, header);
      break;
  }
}

function writeHello(w: Writer, p: Hello): void {
  w.u32(p.interfaceId);
  w.u8(p.priority);
  w.u24(p.options);
  w.u16(p.helloInterval);
  w.u16(p.routerDeadInterval);
  w.u32(p.designatedRouter);
  w.u32(p.backupDesignatedRouter);
  for (const neighbor of p.neighbors) w.u32(neighbor);
}

function writeDatabaseDescription(w: Writer, p: DatabaseDescription): void {
  w.u8(0);
  w.u24(p.options);
  w.u16(p.interfaceMtu);
  w.u8(0);
  w.u8(p.flags);
  w.u32(p.sequence);
  for (const header of p.headers) writeLsaHeader(w, header);
}
