/** One model of the fabric out of what is known of each router: a pure function, asked again whenever something was told. */
import { adjacenciesOf } from "#web/adjacencies";
import type { Knowledge } from "#web/knowledge";
import { portLoad } from "#web/load";
import { membersOf, type Wire } from "#web/members";
import type { Fabric, FabricLink, FabricNode, LinkEnd } from "#web/model";
import { movesOf, type WholeMove } from "#web/moves";
import { areasOf, nodesOf, UNSEEN, type Untiered } from "#web/nodes";
import { plainLinks } from "#web/plain-links";
import { tiersOf } from "#web/tiers";
import { tunnelsOf } from "#web/tunnels";
import { homesOf, vmsOf } from "#web/vm-places";

export interface FabricInput {
  readonly title: string;
  /** Of this AIN. */
  readonly version: string;
  /** Bits a second; null: not told. */
  readonly linkSpeed: number | null;
  readonly routers: readonly Knowledge[];
  /** Of a lab; else none. */
  readonly wires: readonly Wire[];
  /** Null: the reports cannot be had. */
  readonly wholeMoves: ReadonlyMap<string, WholeMove | null>;
  /** Unix milliseconds. */
  readonly now: number;
}

/** For so long a link that nobody tells of any more is shown as down, milliseconds. */
const REMEMBERED = 600_000;

/** @param before the model as it was: what is gone is remembered by it. */
export function fabricOf(input: FabricInput, before: Fabric): Fabric {
  const { routers, version, wires, wholeMoves, now } = input;
  const members = membersOf(routers, wires, new Map(Object.entries(before.nodes).map(([id, { name }]) => [id, name])));
  const { links: adjacencies, lans } = adjacenciesOf(members);
  const levels = new Map(Object.entries(before.nodes).map(([id, { dropLevel }]) => [id, dropLevel]));
  const nodes = nodesOf(members, lans, { version, levels });
  const told = new Map([...adjacencies, ...plainLinks(routers, portsOf(adjacencies.values())), ...unseenLinks(nodes)]);
  const known = [...told].map(([id, link]) => [id, withLoad(link, members.asked)] as const);
  const links = { ...Object.fromEntries(known), ...gone(before, new Set(told.keys()), { nodes, now }) };
  const tiers = tiersOf(nodes, Object.values(links));
  const homes = homesOf(routers);
  const answering = routers.filter(({ reach }) => reach.kind === "answers").length;
  return {
    about: { "": { title: input.title, version, asked: routers.length, answering, linkSpeed: input.linkSpeed } },
    nodes: Object.fromEntries(
      Object.entries(nodes).map(([id, node]): [string, FabricNode] => [id, { ...node, tier: tiers.get(id)! }]),
    ),
    areas: areasOf(members, nodes),
    links,
    vms: vmsOf(routers, homes),
    tunnels: tunnelsOf(routers),
    homes,
    moves: movesOf(routers, { whole: wholeMoves, now }),
  };
}

/** Both ends of links, as `node/port`. */
const portsOf = (links: Iterable<FabricLink>): ReadonlySet<string> =>
  new Set([...links].flatMap(({ a, b }) => [`${a.node}/${a.port}`, `${b.node}/${b.port}`]));

/** Border routers of areas whose backbone nobody asked sees: they are joined somehow. */
function unseenLinks(nodes: Readonly<Record<string, Untiered>>): Map<string, FabricLink> {
  if (nodes[UNSEEN] === undefined) return new Map();
  const end = (node: string): LinkEnd => ({ node, port: null, cost: null, ospf: null, bfd: null, mtu: null });
  const borders = Object.keys(nodes).filter((id) => nodes[id]!.isBorder);
  const reason = "seen by none of the routers asked";
  return new Map(
    borders.map((id) => [
      `${id} ~ ${UNSEEN}`,
      {
        ...{ kind: "unseen", area: "0.0.0.0", state: "unknown", reason, a: end(id), b: end(UNSEEN) },
        ...{ ab: null, ba: null, goneSince: null },
      },
    ]),
  );
}

/** An end's own counters where it can be asked; else what the other end counts. A port on a LAN counts all that it carries. */
function withLoad(link: FabricLink, asked: ReadonlyMap<string, Knowledge>): FabricLink {
  const loadOf = ({ node, port }: LinkEnd) => {
    const router = port === null ? undefined : asked.get(node);
    return router?.reach.kind === "answers" ? portLoad(router.views.ports, port!) : { tx: null, rx: null };
  };
  const [a, b] = [loadOf(link.a), loadOf(link.b)];
  return { ...link, ab: a.tx ?? b.rx, ba: b.tx ?? a.rx };
}

function gone(
  before: Fabric,
  told: ReadonlySet<string>,
  { nodes, now }: { readonly nodes: Readonly<Record<string, unknown>>; readonly now: number },
): Record<string, FabricLink> {
  const lost = Object.entries(before.links).filter(([id, { a, b, kind, goneSince }]) => {
    const isThere = nodes[a.node] !== undefined && nodes[b.node] !== undefined;
    return !told.has(id) && kind !== "unseen" && isThere && now - (goneSince ?? now) <= REMEMBERED;
  });
  return Object.fromEntries(
    lost.map(([id, link]): [string, FabricLink] => [
      id,
      {
        ...{ ...link, state: "down", reason: "nobody tells of it any more", ab: null, ba: null },
        goneSince: link.goneSince ?? now,
      },
    ]),
  );
}
