/**
 * A place word: where a packet's destination is, as the binding table said when the packet was decided about, and above that
 * the way which it takes there, for the counters. 0: nobody asked.
 */
import { PLACE_TUNNEL } from "#fastpath/tables/bindings";

const WAY_SHIFT = 20;
const PLACE_MASK: number = (1 << WAY_SHIFT) - 1;

/** By the fabric's routes to its home. */
export const WAY_NATIVE = 1;
/** From a VM here, or outside, into a tunnel. */
export const WAY_TUNNEL = 2;
/** From the fabric into a tunnel: this is the destination's home. */
export const WAY_HOME = 3;
/** Out of a tunnel, and into another or natively on: the destination was here once. */
export const WAY_FORMER = 4;
/** From a VM here to another. */
export const WAY_LOCAL = 5;
/** Names for operators, by way. */
export const WAYS: readonly string[] = ["", "native", "tunnelled", "relayed", "forwarded", "local"];

export const placeWord = (way: number, place: number): number => (way << WAY_SHIFT) | place;
export const wayOf = (word: number): number => word >>> WAY_SHIFT;
/** A place of the binding table. */
export const placeOf = (word: number): number => word & PLACE_MASK;
/** Index of the tunnel that the packet takes; negative: none. */
export const tunnelOf = (word: number): number => (word & PLACE_MASK) - PLACE_TUNNEL;
