/** Has an OSPF core live through a recording again. */
import type { OspfEvent } from "#ospf/events";
import { Ospf } from "#ospf/ospf";
import { type CoreStart, RECORDING_VERSION } from "#router/ospf/recording";
import { type Playable, type Played, play } from "#runtime/recording/player";

export type Replay = Played<Ospf>;

/** As {@link play} of a recording of OSPF. */
export const replay = (file: string, span?: number): Replay => play(file, OSPF, span);

/** Every type there is, with the fields it cannot do without. */
const FIELDS: { readonly [Type in OspfEvent["type"]]: readonly string[] } = {
  interfaceUp: ["interface", "interfaceId", "linkLocal", "mtu"],
  interfaceDown: ["interface"],
  packet: ["interface", "source", "destination", "octets"],
  bfd: ["interface", "address", "up"],
  configure: ["config"],
  prepareRestart: [],
  shutdown: [],
  clock: ["offset"],
  timer: [],
};

const OSPF: Playable<Ospf, CoreStart, OspfEvent> = {
  recording: "ospf",
  title: "OSPF",
  version: RECORDING_VERSION,
  begin: (start) => new Ospf(start),
  handle: (core, event, at) => core.handle(event, at),
  fields: FIELDS,
};
