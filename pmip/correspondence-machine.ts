/**
 * What a correspondent knows of a subject that its VMs talk to, as a table. Packets go native, by way of the home, in all
 * states but direct: they never wait for an answer.
 */

/** asking: nothing is known yet. gone: there is no entry any more. */
export type CorrespondenceState = "asking" | "direct" | "native" | "gone";

export type CorrespondenceEvent =
  /** The home, or a gateway that registers, says where it is. */
  | "found"
  /** The home says that it is at home, or no more where it was. */
  | "atHome"
  /** The home says that it knows nothing: it is at home, never was, or the home was restarted. */
  | "nothingKnown"
  /** The home does not answer. */
  | "unanswered"
  /** Time to hear it anew from the home. */
  | "askDue"
  /** The home was restarted, and no longer knows whom it told. */
  | "homeRestarted"
  /** Nobody has confirmed it in time. */
  | "lapsed"
  /** No packet went there for long. */
  | "idle";

export type CorrespondenceAction =
  | "ask"
  /** Ask again before long. */
  | "askSoon"
  /** Ask again when what was told is about to end. */
  | "askLater"
  | "forget";

export interface CorrespondenceTransition {
  readonly to: CorrespondenceState;
  readonly actions: readonly CorrespondenceAction[];
}

const to = (state: CorrespondenceState, ...actions: CorrespondenceAction[]): CorrespondenceTransition => ({
  to: state,
  actions,
});

/**
 * A missing cell is an event that means nothing in that state. A direct path outlives a home that is down or forgetful:
 * it ends by word of a later stamp, or when neither home nor gateway confirm it in time.
 */
export const CORRESPONDENCE: Record<
  CorrespondenceState,
  Partial<Record<CorrespondenceEvent, CorrespondenceTransition>>
> = {
  asking: {
    found: to("direct", "askLater"),
    atHome: to("native", "askLater"),
    nothingKnown: to("native", "askLater"),
    unanswered: to("native", "askSoon"),
    homeRestarted: to("asking", "ask"),
    lapsed: to("native", "ask"),
    idle: to("gone", "forget"),
  },
  direct: {
    found: to("direct", "askLater"),
    atHome: to("native", "askLater"),
    nothingKnown: to("direct", "askSoon"),
    unanswered: to("direct", "askSoon"),
    askDue: to("direct", "ask"),
    homeRestarted: to("direct", "ask"),
    lapsed: to("native", "ask"),
    idle: to("gone", "forget"),
  },
  native: {
    found: to("direct", "askLater"),
    atHome: to("native", "askLater"),
    nothingKnown: to("native", "askLater"),
    unanswered: to("native", "askSoon"),
    askDue: to("native", "ask"),
    homeRestarted: to("native", "ask"),
    idle: to("gone", "forget"),
  },
  gone: {},
};
