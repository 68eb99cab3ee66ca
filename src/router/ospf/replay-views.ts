/** What a replay ends with, as the views of a running router. */
import type { Replay } from "#router/ospf/replay";
import {
  areasView,
  databaseView,
  interfacesView,
  neighborsView,
  routesView,
  spfView,
  statusView,
} from "#router/ospf/show-ospf";
import type { OspfViews } from "#router/ospf/views";

export interface ReplayViews extends OspfViews {
  readonly recording: {
    readonly node: string;
    readonly ain: string;
    readonly began: string;
    readonly events: number;
    /** Seconds from the first event to the last. */
    readonly took: number;
  };
}

export function replayViews({ header, core, now, began, events }: Replay): ReplayViews {
  const { node, ain } = header;
  return {
    recording: { node, ain, began: header.began, events, took: (now - began) / 1000 },
    status: statusView(core, now),
    neighbors: neighborsView(core, now),
    interfaces: interfacesView(core, now),
    areas: areasView(core),
    database: databaseView(core, now),
    routes: routesView(core),
    spf: spfView(core, now),
  };
}
