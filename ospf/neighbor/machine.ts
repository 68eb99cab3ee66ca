/** Neighbor states and events as a table: RFC 2328 §10.1 to §10.3. There is no Attempt: it belongs to NBMA networks. */

export type NeighborState = "Down" | "Init" | "TwoWay" | "ExStart" | "Exchange" | "Loading" | "Full";

/** Their order, for questions such as "Exchange or greater". */
export const NEIGHBOR_STATES: readonly NeighborState[] = [
  "Down",
  "Init",
  "TwoWay",
  "ExStart",
  "Exchange",
  "Loading",
  "Full",
];

const RANK = Object.fromEntries(NEIGHBOR_STATES.map((state, rank) => [state, rank])) as Record<NeighborState, number>;

export const atLeast = (state: NeighborState, least: NeighborState): boolean => RANK[state] >= RANK[least];

export type NeighborEvent =
  | "HelloReceived"
  | "TwoWayReceived"
  | "NegotiationDone"
  | "ExchangeDone"
  | "LoadingDone"
  /** Whether to be adjacent was decided anew (§10.4). */
  | "AdjOK"
  | "SeqNumberMismatch"
  | "BadLSReq"
  /** Its hellos no longer name us. */
  | "OneWay"
  | "InactivityTimer"
  /** The interface went down, or BFD lost it. */
  | "KillNbr";

export interface NeighborTransition {
  readonly to?: NeighborState;
  readonly actions: readonly NeighborAction[];
}

export type NeighborAction =
  /** Its dead interval begins anew. */
  | "restartInactivity"
  /** To ExStart when an adjacency is wanted, to TwoWay when not; drop one that is not wanted any more. */
  | "decideAdjacency"
  /** The list of what our database holds is made, and its description begins. */
  | "summarize"
  /** To Loading, or to Full when nothing is lacking. */
  | "endExchange"
  /** Lists are emptied, the adjacency begins anew in ExStart. */
  | "beginAgain"
  /** Lists are emptied. */
  | "clear"
  /** It is gone: lists emptied, no longer watched. */
  | "remove";

const stay = (...actions: NeighborAction[]): NeighborTransition => ({ actions });
const to = (state: NeighborState, ...actions: NeighborAction[]): NeighborTransition => ({ to: state, actions });

const GONE: Partial<Record<NeighborEvent, NeighborTransition>> = {
  InactivityTimer: to("Down", "remove"),
  KillNbr: to("Down", "remove"),
};
const HEARD: Partial<Record<NeighborEvent, NeighborTransition>> = {
  ...GONE,
  HelloReceived: stay("restartInactivity"),
};
/** Once two-way: being named again changes nothing, not being named ends everything but the acquaintance. */
const TWO_WAY: Partial<Record<NeighborEvent, NeighborTransition>> = {
  ...HEARD,
  TwoWayReceived: stay(),
  OneWay: to("Init", "clear"),
  AdjOK: stay("decideAdjacency"),
};
const ADJACENT: Partial<Record<NeighborEvent, NeighborTransition>> = {
  ...TWO_WAY,
  SeqNumberMismatch: to("ExStart", "beginAgain"),
  BadLSReq: to("ExStart", "beginAgain"),
};

/** A missing cell is an event that the RFC does not have in that state. */
export const NEIGHBOR_MACHINE: Record<NeighborState, Partial<Record<NeighborEvent, NeighborTransition>>> = {
  Down: { HelloReceived: to("Init", "restartInactivity"), KillNbr: to("Down", "remove") },
  Init: { ...HEARD, TwoWayReceived: to("TwoWay", "decideAdjacency"), OneWay: stay() },
  TwoWay: TWO_WAY,
  ExStart: { ...TWO_WAY, NegotiationDone: to("Exchange", "summarize") },
  Exchange: { ...ADJACENT, ExchangeDone: stay("endExchange") },
  Loading: { ...ADJACENT, LoadingDone: to("Full") },
  Full: ADJACENT,
};
