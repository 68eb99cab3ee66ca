/** What the stages ask about next hops; kept in shared memory by the control thread (groups.ts). */
export interface AdjacencyReader {
  /** The adjacency that a flow with this hash takes in the ECMP group `group` (a FIB value ≥ GROUP_FIRST). */
  pick(group: number, hash: number): number;
  /** True: the MAC is known, the port is up. */
  isResolved(adjacency: number): boolean;
  /** True: asked for lately, without an answer. */
  hasFailed(adjacency: number): boolean;
  /** Output port index. */
  port(adjacency: number): number;
  /** Largest IP packet, octets. */
  mtu(adjacency: number): number;
  /** Three raw words to `to[at …]`: destination MAC, then source MAC. */
  copyMacs(adjacency: number, to: Int32Array, at: number): void;
  /** A frame is sent to it: the control thread wants to know which neighbours are in use (RFC 4861 §7.3). */
  markUsed(adjacency: number): void;
  /** True when the neighbour's MAC equals the six octets at `at`. */
  hasMac(adjacency: number, bytes: Uint8Array, at: number): boolean;
}
