/** Links as OSPF tells them: by its neighbors at routers that are asked, by router LSAs between all others. */
import type { Knowledge } from "#web/knowledge";
import type { Members } from "#web/members";
import type { FabricLink, LinkEnd, LinkState } from "#web/model";

/** A LAN of OSPF's, by its designated router's id and interface. */
export interface Lan {
  readonly id: string;
  readonly area: string;
}

export interface Adjacencies {
  readonly links: ReadonlyMap<string, FabricLink>;
  readonly lans: ReadonlyMap<string, Lan>;
}

/** One end as one telling has it. */
interface Half {
  readonly area: string;
  readonly here: Place;
  readonly there: Place;
  readonly end: LinkEnd;
  /** False: the router that tells does not answer any more. */
  readonly isLive: boolean;
  /** Of a LAN: there is no interface at the other end. */
  readonly lan?: string;
  readonly trouble: string;
}

interface Place {
  readonly node: string;
  readonly interfaceId: number;
}

const placeText = ({ node, interfaceId }: Place): string => `${node}#${interfaceId}`;

export function adjacenciesOf(members: Members): Adjacencies {
  const halves = [
    ...[...members.asked.values()].flatMap((router) => neighborHalves(router, members)),
    ...lsaHalves(members),
  ];
  const lans = new Map<string, Lan>();
  for (const { lan, area } of halves) if (lan !== undefined) lans.set(lan, { id: lan, area });
  const pairs = Map.groupBy(halves, ({ here, there }) => [placeText(here), placeText(there)].sort().join(" ~ "));
  const links = new Map<string, FabricLink>();
  for (const [id, both] of pairs) links.set(id, joined(id, both, members));
  return { links, lans };
}

function neighborHalves({ name, views, reach }: Knowledge, { byRouterId }: Members): Half[] {
  const interfaces = views["ospf/interfaces"]?.now.value ?? [];
  const sessions = views.bfd?.now.value.sessions ?? [];
  return (views["ospf/neighbors"]?.now.value.neighbors ?? []).flatMap((neighbor): Half[] => {
    const own = interfaces.find((each) => each.interface === neighbor.interface && each.area === neighbor.area);
    const node = byRouterId.get(neighbor.routerId);
    if (own === undefined || node === undefined || own.kind !== "point-to-point") return [];
    const bfd = sessions.find((each) => each.interface === own.interface && each.remote === neighbor.address);
    const port = views.ports?.now.value.find((each) => each.name === own.interface);
    return [
      {
        area: neighbor.area,
        here: { node: name, interfaceId: own.interfaceId },
        there: { node, interfaceId: neighbor.interfaceId },
        end: {
          ...{ node: name, port: own.interface, cost: own.cost, ospf: neighbor.state },
          ...{ bfd: bfd?.state ?? null, mtu: port?.mtu ?? null },
        },
        isLive: reach.kind === "answers",
        trouble: neighbor.trouble,
      },
    ];
  });
}

/** An LSA counts where its router cannot be asked for its neighbors, and of asked routers' LANs. */
function lsaHalves({ lsas, byRouterId, asked }: Members): Half[] {
  return lsas.flatMap(({ scope, advertisingRouter, body }) =>
    (body.links ?? []).flatMap((link): Half[] => {
      const node = byRouterId.get(advertisingRouter)!;
      const area = scope.replace(/^area /, "");
      const isLan = link.type === "transit";
      const peer = byRouterId.get(link.neighbor);
      const isTold = asked.has(node);
      if ((isTold && !isLan) || (!isLan && (link.type !== "point-to-point" || peer === undefined))) return [];
      const lan = `lan ${link.neighbor}#${link.neighborInterfaceId}`;
      const own = isTold ? interfaceOf(asked.get(node)!, link.interfaceId) : undefined;
      return [
        {
          area,
          here: { node, interfaceId: link.interfaceId },
          there: { node: isLan ? lan : peer!, interfaceId: isLan ? 0 : link.neighborInterfaceId },
          end: { node, port: own ?? null, cost: link.metric, ospf: "Full", bfd: null, mtu: null },
          isLive: true,
          ...(isLan && { lan }),
          trouble: "",
        },
      ];
    }),
  );
}

const interfaceOf = ({ views }: Knowledge, id: number): string | undefined =>
  views["ospf/interfaces"]?.now.value.find((each) => each.interfaceId === id)?.interface;

function joined(id: string, halves: readonly Half[], members: Members): FabricLink {
  const [first, second] = id.split(" ~ ") as [string, string];
  const half = (place: string): Half | undefined => halves.find(({ here }) => placeText(here) === place);
  const [a, b] = [half(first), half(second)];
  const known = (a ?? b)!;
  const blank = (place: string): LinkEnd => {
    const { node, interfaceId } = [known.here, known.there].find((each) => placeText(each) === place)!;
    const router = members.asked.get(node);
    const port = router === undefined ? undefined : interfaceOf(router, interfaceId);
    return { node, port: port ?? null, cost: null, ospf: null, bfd: null, mtu: null };
  };
  const isLan = known.lan !== undefined;
  return {
    kind: "ospf",
    area: known.area,
    ...stateOf([a, b], isLan, members, known),
    a: a?.end ?? blank(first),
    b: b?.end ?? blank(second),
    ...{ ab: null, ba: null, goneSince: null },
  };
}

/** The end that told does not answer any more; what the other one's LSA says by now is the latest that is known. */
function unheardOf({ there, lan }: Half, { lsas, byRouterId, foreign }: Members): ReturnType<typeof stateOf> {
  const hasLsa = lsas.some(({ advertisingRouter }) => byRouterId.get(advertisingRouter) === there.node);
  const other = foreign.get(there.node);
  if (lan === undefined && other !== undefined && hasLsa)
    return { state: "down", reason: `${other.name} does not tell of it any more` };
  return { state: "unknown", reason: "neither end answers" };
}

const couldTell = ({ reach, views }: Knowledge): boolean =>
  reach.kind === "answers" && views["ospf/neighbors"] !== undefined && views["ospf/interfaces"] !== undefined;

/** An end that could tell and does not know of the other is one that has lost it. */
function stateOf(
  [a, b]: readonly [Half | undefined, Half | undefined],
  isLan: boolean,
  members: Members,
  known: Half,
): { readonly state: LinkState; readonly reason: string | null } {
  const told = [a, b].filter((half) => half !== undefined);
  const live = told.filter((half) => half.isLive);
  const silent = [known.here, known.there].find(({ node }) => {
    const router = members.asked.get(node);
    const isAbsent = !told.some((half) => half.here.node === node);
    return isAbsent && router !== undefined && couldTell(router);
  });
  if (!isLan && silent !== undefined) return { state: "down", reason: `${silent.node} does not have it as a neighbor` };
  if (live.length === 0) return unheardOf(known, members);
  const worst = live.find(({ end }) => end.ospf !== "Full");
  if (worst !== undefined) {
    const { end, trouble } = worst;
    const reason = `${end.node}: OSPF is ${end.ospf}${trouble === "" ? "" : `, ${trouble}`}`;
    return { state: end.ospf === "Down" ? "down" : "forming", reason };
  }
  const cut = live.find(({ end }) => end.bfd !== null && end.bfd !== "Up" && end.bfd !== "AdminDown");
  return cut === undefined
    ? { state: "up", reason: null }
    : { state: "forming", reason: `${cut.end.node}: BFD is ${cut.end.bfd}` };
}
