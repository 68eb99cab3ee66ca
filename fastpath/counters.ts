/** Counters in shared memory, one block a forwarder: written by it alone, read by the control thread at any time. */
import { ENDINGS } from "#fastpath/verdicts";

/** Ports a router can have (uplinks and VMs together). */
export const MAX_PORTS = 1024;
/** Index of a port that never is: of frames that have come by none (INJECT_REHEARSE). */
export const NO_PORT: number = MAX_PORTS - 1;

export const C_RX_FRAMES = 0;
export const C_RX_OCTETS = 1;
export const C_TX_FRAMES = 2;
export const C_TX_OCTETS = 3;
/** ICMP errors sent about frames from this port. */
export const C_ERRORS_SENT = 4;
/** ICMP errors owed but kept back by the port's budget. */
export const C_ERRORS_LIMITED = 5;
/** Frames lost before a forwarder saw them; brought up to date by the command "tell-losses". */
export const C_RECEIVE_DROPS = 6;
/** Frames that the kernel refused to send out of this port; likewise. */
export const C_TRANSMIT_ERRORS = 7;
/** From here: how many frames from this port ended in each way, by verdict. */
export const C_ENDINGS = 8;
/** Words of a port's block; whole cache lines. */
export const PORT_COUNTERS = C_ENDINGS + ((ENDINGS.length + 7) & ~7);

/** Forwarder-wide counters, in front of the ports' blocks. */
export const W_TURNS = 0;
export const W_SLEEPS = 1;
export const W_CACHE_HITS = 2;
export const W_CACHE_MISSES = 3;
/** Nanoseconds spent awake. */
export const W_BUSY = 4;
/** From here: packets by the way to VMs that was chosen for them, one of the WAY_ values; waysOf (place.ts) has all of them. */
export const W_WAYS = 5;
/** Copies of Ethernet segments' frames: to VMs here, into the fabric, and those that went nowhere. */
export const W_FLOOD_LOCAL = 10;
export const W_FLOOD_REMOTE = 11;
export const W_FLOOD_LOST = 12;
export const WORKER_COUNTERS = 16;

export const COUNTERS_OCTETS = (WORKER_COUNTERS + MAX_PORTS * PORT_COUNTERS) * 8;

/** Index of a port's block in the counters array. */
export const portCounters = (port: number): number => WORKER_COUNTERS + port * PORT_COUNTERS;
