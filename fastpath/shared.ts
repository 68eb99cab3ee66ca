/** What a forwarder shares with the control thread besides tables: words of state, rings, and the commands. */
import type { PacketDescriptor } from "#fastpath/ports/packet";
import type { TapDescriptor } from "#fastpath/ports/tap";
import type { Snapshot } from "#fastpath/tables/layout";
import type { SegmentTables } from "#fastpath/tables/segments";
import type { WatchOrder } from "#fastpath/watch/watch";

/** Words of a forwarder's control block. */
export const S_COMMANDS = 0; // how many commands control has sent
export const S_DONE = 16; // how many of them the forwarder has carried out
export const S_ARMED = 32; // 1: control wants a message when something is punted
export const S_ASLEEP = 48; // 1: the forwarder is in poll, or on its way there
export const S_STOP = 64; // 1: end
/** 1: control fills the inject ring for the moment when the next snapshot is in force, and until then nothing is taken from it. */
export const S_GATE = 80;
export const SHARED_WORDS = 96;

/** What control asks of an injected frame (its tag in the ring). */
export const INJECT_RECEIVE = 1; // take it as received on its port
export const INJECT_SEND = 2; // send it out of its port as it is
export const INJECT_ORIGINATE = 3; // route it: an IPv6 packet of this router's own
export const INJECT_KEPT = 4; // take it as received on its port, where it was kept for a VM that has been held (Frame.wasKept)

/** Take it as received on no port (NO_PORT), unseen by those who watch: the router rehearses (src/router/ospf/rehearsal). */
export const INJECT_REHEARSE = 5;

export type PortDescriptor = PacketDescriptor | TapDescriptor;

export type Command =
  /** `generation`: what the tables' generations under it are counted on from; far from those of snapshots before. */
  | { readonly kind: "snapshot"; readonly snapshot: Snapshot; readonly generation: number }
  /** In place of the snapshot's: members or groups have changed, ports have not. */
  | { readonly kind: "segments"; readonly segments: SegmentTables }
  | { readonly kind: "fib"; readonly buffer: SharedArrayBuffer }
  | { readonly kind: "add-port"; readonly port: PortDescriptor }
  | { readonly kind: "remove-port"; readonly index: number }
  | { readonly kind: "watch"; readonly order: WatchOrder }
  | { readonly kind: "unwatch"; readonly id: number }
  /** Bring C_RECEIVE_DROPS and C_TRANSMIT_ERRORS up to date. */
  | { readonly kind: "tell-losses" };

/** What a forwarder tells the control thread by message; everything else is in shared memory. */
export type Report =
  | { readonly kind: "punted" }
  | { readonly kind: "started" }
  | { readonly kind: "port-failed"; readonly index: number; readonly errno: number }
  | { readonly kind: "defect"; readonly message: string; readonly frame: string };

export interface NatBuffers {
  readonly table: SharedArrayBuffer;
  readonly sessions: SharedArrayBuffer;
}

/** All a forwarder's thread is started with. */
export interface ForwarderStart {
  readonly id: number;
  readonly arenaAddress: number;
  readonly arenaSize: number;
  /** Arena offset and size of its scratch memory. */
  readonly scratchAt: number;
  readonly scratchSize: number;
  readonly shared: SharedArrayBuffer;
  readonly turns: SharedArrayBuffer;
  readonly generation: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
  /** Of createDropTags. */
  readonly dropTags: SharedArrayBuffer;
  readonly punt: SharedArrayBuffer;
  readonly inject: SharedArrayBuffer;
  readonly fib: SharedArrayBuffer;
  readonly groups: SharedArrayBuffer;
  readonly wakeFd: number;
  /** Of createConnectionTable. */
  readonly connections: SharedArrayBuffer;
  /** Of createFragmentTable. */
  readonly fragments: SharedArrayBuffer;
  /** Of createBindingTable and createTunnelTable. */
  readonly bindings: SharedArrayBuffer;
  readonly tunnels: SharedArrayBuffer;
  /** A gateway's NAT: of createNatTable, and of createConnectionTable for its sessions; undefined: none. */
  readonly nat: NatBuffers | undefined;
  /** Flow cache entries, a power of two; 0: no cache. */
  readonly cacheEntries: number;
  readonly salt: number;
}

/** In place of a verdict: the head of a frame for the log of a rule, whose number is in the adjacency's place. */
export const RULE_LOG = 255;
/** Likewise: the head of a frame to a subject that nothing is known of; its entry in the binding table is in that place. */
export const BINDING_WANTED = 254;
/** Likewise: the head of a frame of a flow that is logged by samples; flow-samples.ts says what is in that place. */
export const FLOW_SAMPLE = 252;
/** Likewise: the head of a frame that was dropped, and why: its verdict is in that place. */
export const DROP_SAMPLE = 253;

/** Tag of a punted frame: its verdict, and the adjacency that a waiting frame waits for. */
export const puntTag = (verdict: number, adjacency: number): number => verdict | (adjacency << 8);
export const puntVerdict = (tag: number): number => tag & 0xff;
export const puntAdjacency = (tag: number): number => tag >>> 8;
