/** Has a mobility core live through a recording again. */
import { Mobility } from "#pmip/core";
import type { MobilityEvent } from "#pmip/events";
import { type CoreStart, RECORDING_VERSION } from "#router/mobility/recording";
import { type Playable, type Played, play } from "#runtime/recording/player";

/** As {@link play} of a recording of mobility. */
export const replay = (file: string, span?: number): Played<Mobility> => play(file, MOBILITY, span);

/** Every type there is, with the fields it cannot do without. */
const FIELDS: { readonly [Type in MobilityEvent["type"]]: readonly string[] } = {
  configure: ["config"],
  attached: ["vm", "subjects", "handoff"],
  detached: ["vm"],
  received: ["source", "destination", "octets"],
  wanted: ["subject"],
  used: ["subjects"],
  segment: ["segment"],
  time: [],
};

const MOBILITY: Playable<Mobility, CoreStart, MobilityEvent> = {
  recording: "mobility",
  title: "mobility",
  version: RECORDING_VERSION,
  begin: ({ config, now }) => new Mobility(config, now),
  handle: (core, event, at) => core.handle(event, at),
  fields: FIELDS,
};
