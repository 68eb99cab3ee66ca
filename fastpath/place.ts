/**
 * A place word: where a packet's destination is, as the binding table said when the packet was decided about, and above that
 * the way which it takes there, for the counters. 0: nobody asked.
 */
import { C_ENDINGS, MAX_PORTS, portCounters, W_WAYS } from "#fastpath/counters";
import type { Frame } from "#fastpath/frame";
import { PLACE_HOME, PLACE_TUNNEL } from "#fastpath/tables/bindings";
import { HAIRPIN, TO_FABRIC } from "#fastpath/verdicts";

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

/** To the home of the destination, whose address is in the frame. */
export const HOME_TUNNEL: number = PLACE_HOME - PLACE_TUNNEL;

/** The home's own address, four raw words: its prefix's ::1. */
export function writeHomeAddress(f: Pick<Frame, "homeHigh" | "homeLow">, to: Int32Array, at: number): void {
  to[at] = f.homeHigh;
  to[at + 1] = f.homeLow;
  to[at + 2] = 0;
  to[at + 3] = 0x0100_0000;
}

/** True for the ways that have a counter of their own; the others, which most packets take, follow from endings. */
export const isCounted = (word: number): boolean => word >= WAY_TUNNEL << WAY_SHIFT;

export interface Ways {
  readonly native: number;
  readonly tunnelled: number;
  readonly relayed: number;
  readonly forwarded: number;
  readonly local: number;
}

/** Packets by the way that they took to VMs or outside, from a forwarder's counters. A super-packet is one. */
export function waysOf(counters: Float64Array): Ways {
  const way = (number: number): number => counters[W_WAYS + number]!;
  const tunnelled = way(WAY_TUNNEL);
  return {
    native: Math.max(0, endedIn(counters, TO_FABRIC) - tunnelled),
    ...{ tunnelled, relayed: way(WAY_HOME), forwarded: way(WAY_FORMER) },
    local: endedIn(counters, HAIRPIN),
  };
}

function endedIn(counters: Float64Array, ending: number): number {
  let sum = 0;
  for (let port = 0; port < MAX_PORTS; port++) sum += counters[portCounters(port) + C_ENDINGS + ending]!;
  return sum;
}

export const placeWord = (way: number, place: number): number => (way << WAY_SHIFT) | place;
export const wayOf = (word: number): number => word >>> WAY_SHIFT;
/** A place of the binding table. */
export const placeOf = (word: number): number => word & PLACE_MASK;
/** Index of the tunnel that the packet takes, or HOME_TUNNEL; negative: none. */
export const tunnelOf = (word: number): number => (word & PLACE_MASK) - PLACE_TUNNEL;
