/** `show ospf …` of a running router. */
import type { OspfRoute } from "#ospf/routes/model";
import { LSA_KINDS } from "#router/ospf/lsa-view";
import type { OspfHost } from "#router/ospf/ospf-host";
import type { RouterOspf } from "#router/ospf/router-ospf";
import {
  areasView,
  databaseView,
  type Installation,
  interfacesView,
  lsasView,
  neighborsView,
  routesView,
  spfView,
  statusView,
} from "#router/ospf/show-ospf";
import { OSPF_VIEWS, type OspfViewName, type OspfViews } from "#router/ospf/views";
import type { Rib } from "#router/rib";
import { RouterError } from "#router/router-error";
import { parseIdentifier32 } from "#runtime/document/scalars";

/**
 * `words`: what comes after `show/ospf`: a view, and after `database` perhaps a kind of LSA, "all", and an advertising
 * router. Throws RouterError with a message for the operator.
 */
export function showOspf(ospf: RouterOspf, rib: Rib, words: readonly string[]): unknown {
  const { host } = ospf;
  if (host === undefined) throw new RouterError("OSPF is off: the node's file has no section ospf");
  const [what = "status", ...rest] = words;
  if (what === "database" && rest.length > 0) return lsas(host, rest);
  if (rest.length > 0 || !Object.hasOwn(MAKE, what))
    throw new RouterError(`OSPF has no view "${words.join(" ")}": ${OSPF_VIEWS.join(", ")}`);
  return MAKE[what as OspfViewName](host, installation(host, ospf, rib));
}

type Maker<View> = (host: OspfHost, installation: Installation) => View;

const MAKE: { readonly [What in OspfViewName]: Maker<OspfViews[What]> } = {
  status: ({ run }, installation) => statusView(run.core, performance.now(), installation),
  neighbors: ({ run }) => neighborsView(run.core, performance.now()),
  interfaces: ({ run }) => interfacesView(run.core, performance.now()),
  areas: ({ run }) => areasView(run.core),
  database: ({ run }) => databaseView(run.core, performance.now()),
  routes: ({ run }, installation) => routesView(run.core, installation),
  spf: ({ run }) => spfView(run.core, performance.now()),
};

function lsas({ run }: OspfHost, [kind, router, ...others]: readonly string[]): unknown {
  if (kind !== "all" && !LSA_KINDS.includes(kind!))
    throw new RouterError(`no kind of LSA is called "${kind}": all, ${LSA_KINDS.join(", ")}`);
  const advertisingRouter = router === undefined ? undefined : parseIdentifier32(router);
  if (others.length > 0 || (router !== undefined && advertisingRouter === undefined))
    throw new RouterError(`found "${[router, ...others].join(" ")}", expected the advertising router's id: 10.0.0.1`);
  return lsasView(run.core, performance.now(), {
    ...(kind !== "all" && { kind: kind! }),
    ...(advertisingRouter !== undefined && { advertisingRouter }),
  });
}

const installation = ({ routes }: OspfHost, { warmUp }: RouterOspf, rib: Rib): Installation => ({
  waiting: routes.waiting,
  withoutRoom: routes.withoutRoom,
  rehearsed: warmUp?.done ?? 0,
  isRehearsing: warmUp?.isUnderWay ?? false,
  stateOf: (route) => stateOf(route, routes.stateOf(route.text), rib),
});

function stateOf({ text, path, nextHops }: OspfRoute, installed: string, rib: Rib): string {
  const winner = rib.winner(text);
  if (winner === "local") return "home";
  if (winner === "static") return "static route";
  if (installed === "installed") return "used";
  if (installed === "waiting" || installed === "no room") return installed;
  return nextHops.length === 0 && path !== "discard" ? "own" : "on the link";
}
