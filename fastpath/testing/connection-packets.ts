/** Packets for tests of the connection table, in few words. */
import {
  C_ACKNOWLEDGMENT,
  C_DESTINATION,
  C_FLAGS,
  C_PORTS,
  C_PROTOCOL,
  C_SEQUENCE,
  C_SOURCE,
} from "#fastpath/tables/connection-finder";
import { type ConnectionTableSize, createConnectionTable } from "#fastpath/tables/connection-layout";
import type { Connections } from "#fastpath/tables/connections";

export interface TestEnd {
  /** Four raw words. */
  readonly address: readonly number[];
  readonly port: number;
}

export interface TestPacket {
  readonly source: TestEnd;
  readonly destination: TestEnd;
  readonly protocol: number;
  readonly flags?: number;
  readonly sequence?: number;
  readonly acknowledgment?: number;
}

export const TCP = 6;
export const UDP = 17;
export const ICMP = 1;
export const GRE = 47;

/** An IPv4 VM's end. */
export const vm = (tags: number, ipv4: number, port: number): TestEnd => ({ address: [0, 0, tags, ipv4], port });
/** An IPv6 host's end. */
export const host = (address: readonly number[], port: number): TestEnd => ({ address, port });

export const back = (packet: TestPacket): TestPacket => ({
  ...packet,
  source: packet.destination,
  destination: packet.source,
});

export function describePacket(table: Connections, packet: TestPacket): void {
  const { source, destination, protocol, flags = 0, sequence = 0, acknowledgment = 0 } = packet;
  table.packet.set(source.address, C_SOURCE);
  table.packet.set(destination.address, C_DESTINATION);
  table.packet[C_PORTS] = raw(source.port) | (raw(destination.port) << 16);
  table.packet[C_PROTOCOL] = protocol;
  table.packet[C_FLAGS] = flags;
  table.packet[C_SEQUENCE] = sequence;
  table.packet[C_ACKNOWLEDGMENT] = acknowledgment;
}

const raw = (port: number): number => ((port & 0xff) << 8) | (port >>> 8);

/** What a forwarder does with a packet that the rules allow: its entry, or what insert() says. */
export function pass(table: Connections, packet: TestPacket, now: number, owner = 0): number {
  describePacket(table, packet);
  const entry = table.find(now);
  if (entry !== 0 && table.advance(entry, table.version, table.direction, now) !== 0) return entry;
  return table.insert(owner, 1, 1, now);
}

export function find(table: Connections, packet: TestPacket, now: number): number {
  describePacket(table, packet);
  return table.find(now);
}

/** A table for a few connections, unless told otherwise. */
export const newTable = (size: Partial<ConnectionTableSize> = {}): SharedArrayBuffer =>
  createConnectionTable({
    entries: 1000,
    owners: 8,
    quota: 1_000_000,
    key: Int32Array.of(0x0123_4567, 0x1b5e_c4e7),
    ...size,
  });

/** Connection `i` of as many as are wanted. */
export const flow = (i: number, protocol = UDP): TestPacket => ({
  source: vm(7, i, i & 0xffff),
  destination: vm(9, i ^ 0x5555, 443),
  protocol,
  ...(protocol === TCP ? { flags: 0x02, sequence: i } : {}),
});

/** The other end answers: the entry may not be replaced from then on. */
export function answer(table: Connections, packet: TestPacket, now: number): void {
  if (packet.protocol === TCP) {
    pass(table, back({ ...packet, flags: 0x12, sequence: 0, acknowledgment: packet.sequence! + 1 }), now);
    pass(table, { ...packet, flags: 0x10, acknowledgment: 1 }, now);
  } else pass(table, back(packet), now);
}
