/** A NAT and its packets for tests, in few words. */
import { createConnectionTable } from "#fastpath/tables/connection-layout";
import {
  C_ACKNOWLEDGMENT,
  C_DESTINATION,
  C_FLAGS,
  C_PORTS,
  C_PROTOCOL,
  C_SEQUENCE,
  C_SOURCE,
  Connections,
} from "#fastpath/tables/connections";
import { type Filtering, Nat, type NatOptions, sessionOwners } from "#fastpath/tables/nat";
import { createNatTable, type NatPlan } from "#fastpath/tables/nat-layout";
import type { TestEnd } from "#fastpath/testing/connection-packets";

export const SYN = 0x02;
export const ACK = 0x10;
export const RST = 0x04;
export const FIN = 0x01;
/** Raw tags of the network "outside": tenant 0, network 1. */
export const OUTSIDE = 0x0100_0000;

const KEY = Int32Array.of(0x0123_4567, 0x1b5e_c4e7);

/** Pool address `i`: 203.0.113.i. */
export const poolOctets = (i: number): Uint8Array => Uint8Array.of(203, 0, 113, i);
export const rawPool = (i: number): number => new Int32Array(poolOctets(i).buffer)[0]!;

/** An outside host's end, as the inside sees it. */
export const remote = (ipv4: number, port: number): TestEnd => ({ address: [0, 0, OUTSIDE, ipv4], port });

export interface NatSize extends Partial<NatPlan> {
  /** Pool addresses; each gives all its ports from 1024 on to share 0. Unless `shares` says otherwise. */
  readonly pool?: number;
  readonly sessions?: number;
  readonly sessionsEach?: number;
}

export interface NatBuffers {
  readonly table: SharedArrayBuffer;
  readonly sessions: SharedArrayBuffer;
}

export function newNatBuffers(size: NatSize = {}): NatBuffers {
  const { pool = 2, sessions = 4000, sessionsEach = 1000, ...rest } = size;
  const plan: NatPlan = {
    addresses: Array.from({ length: pool }, (_, i) => poolOctets(i)),
    blockSize: 64,
    shares: [wholePool(pool, rest.blockSize ?? 64)],
    bindings: 2000,
    subscribers: 100,
    logged: 1024,
    key: KEY,
    ...rest,
  };
  const owners = sessionOwners(plan.bindings);
  return {
    table: createNatTable(plan),
    sessions: createConnectionTable({ entries: sessions, owners, quota: sessionsEach, key: KEY }),
  };
}

function wholePool(pool: number, blockSize: number): NatPlan["shares"][number] {
  const firstPort = Math.max(1024, blockSize);
  const ranges = Array.from({ length: pool }, (_, address) => ({ address, firstPort, ports: 65536 - firstPort }));
  return { ranges, blocksEach: 4 };
}

export const natOf = ({ table, sessions }: NatBuffers, options: Partial<NatOptions> = {}): Nat =>
  new Nat(table, new Connections(sessions), { filtering: "endpoint-independent", seed: 77, ...options });

export const newNat = (filtering: Filtering = "endpoint-independent", size: NatSize = {}): Nat =>
  natOf(newNatBuffers(size), { filtering });

export const raw = (port: number): number => ((port & 0xff) << 8) | (port >>> 8);

export interface Flow {
  readonly inside: TestEnd;
  readonly remote: TestEnd;
  readonly protocol: number;
  readonly flags?: number;
  readonly sequence?: number;
  readonly acknowledgment?: number;
}

/** The outside end that a packet was given, or a REFUSED_. */
export interface Outcome {
  readonly result: number;
  readonly outside?: { readonly address: number; readonly port: number };
}

function describe(nat: Nat, source: TestEnd, destination: TestEnd, flow: Flow): void {
  const p = nat.packet;
  p.set(source.address, C_SOURCE);
  p.set(destination.address, C_DESTINATION);
  p[C_PORTS] = raw(source.port) | (raw(destination.port) << 16);
  p[C_PROTOCOL] = flow.protocol;
  p[C_FLAGS] = flow.flags ?? 0;
  p[C_SEQUENCE] = flow.sequence ?? 0;
  p[C_ACKNOWLEDGMENT] = flow.acknowledgment ?? 0;
}

/** A packet from inside. */
export function out(nat: Nat, flow: Flow, now: number, share = 0): Outcome {
  describe(nat, flow.inside, flow.remote, flow);
  return outcome(nat, nat.outbound(share, now));
}

function outcome(nat: Nat, result: number): Outcome {
  if (result <= 0) return { result };
  const { bindings } = nat;
  return { result, outside: { address: bindings.outsideAddress(result), port: raw(bindings.outsidePort(result)) } };
}

/** A packet from outside to a pool address and port: the inside end it is for, or a REFUSED_. */
export function into(
  nat: Nat,
  to: { address: number; port: number },
  flow: Omit<Flow, "inside">,
  now: number,
): TestEnd | number {
  describe(nat, flow.remote, { address: [0, 0, OUTSIDE, to.address], port: to.port }, { inside: flow.remote, ...flow });
  const result = nat.inbound(to.address, raw(to.port), now);
  if (result < 0) return result;
  return {
    address: [...nat.packet.subarray(C_DESTINATION, C_DESTINATION + 4)],
    port: raw(nat.packet[C_PORTS]! >>> 16),
  };
}

/** Describes a packet as an ICMP error quotes it. */
export const quote = (nat: Nat, source: TestEnd, destination: TestEnd, protocol: number): void =>
  describe(nat, source, destination, { inside: source, remote: destination, protocol });

/** Expired sessions, bindings and blocks go, all of them. */
export function sweepAll(nat: Nat, now: number): void {
  const { bindings, sessions } = nat;
  nat.sweep(now, Math.max(bindings.slots, sessions.entries.slots, bindings.places.blockCount));
}
