/** Links that OSPF does not tell of: where a router has another one's MAC address as a neighbor's. */
import type { Knowledge } from "#web/knowledge";
import type { FabricLink, LinkEnd } from "#web/model";

interface Port {
  readonly node: string;
  readonly port: string;
}

/** @param taken ports that have a link already, as `node/port`. */
export function plainLinks(routers: readonly Knowledge[], taken: ReadonlySet<string>): Map<string, FabricLink> {
  const owners = new Map<string, Port>();
  for (const { name, views } of routers) {
    for (const port of views.ports?.now.value ?? []) {
      if (port.mac !== null && port.kind === "uplink") owners.set(port.mac, { node: name, port: port.name });
    }
  }
  const links = new Map<string, FabricLink>();
  for (const router of routers) {
    for (const { port, mac, state } of router.views.neighbors?.now.value ?? []) {
      const there = mac === null ? undefined : owners.get(mac);
      const here = { node: router.name, port };
      if (there === undefined || there.node === here.node || !isUplink(router, port)) continue;
      const [a, b] = [here, there].sort((x, y) => (keyOf(x) < keyOf(y) ? -1 : 1)) as [Port, Port];
      const id = `${keyOf(a)} ~ ${keyOf(b)}`;
      if (taken.has(keyOf(a)) || taken.has(keyOf(b))) continue;
      const said = { isFailed: state === "failed", isLive: router.reach.kind === "answers", node: router.name };
      links.set(id, merged(links.get(id), said, { a: endOf(routers, a), b: endOf(routers, b) }));
    }
  }
  return links;
}

const keyOf = ({ node, port }: Port): string => `${node}/${port}`;

const portOf = ({ views }: Knowledge, name: string) => views.ports?.now.value.find((each) => each.name === name);

const isUplink = (router: Knowledge, port: string): boolean => portOf(router, port)?.kind === "uplink";

function endOf(routers: readonly Knowledge[], { node, port }: Port): LinkEnd {
  const found = portOf(routers.find(({ name }) => name === node)!, port);
  return { node, port, cost: null, ospf: null, bfd: null, mtu: found?.mtu ?? null };
}

interface Said {
  readonly node: string;
  readonly isFailed: boolean;
  readonly isLive: boolean;
}

function merged(before: FabricLink | undefined, said: Said, ends: Pick<FabricLink, "a" | "b">): FabricLink {
  const blank = { kind: "plain", area: null, ab: null, ba: null, goneSince: null } as const;
  if (before?.state === "down") return before;
  if (said.isLive && said.isFailed)
    return { ...blank, ...ends, state: "down", reason: `${said.node}: the neighbor does not answer` };
  if (said.isLive) return { ...blank, ...ends, state: "up", reason: null };
  return before ?? { ...blank, ...ends, state: "unknown", reason: "neither end answers" };
}
