/** Routes over a LAN through the whole core: its routers forward to one another as long as they hear each other. */
import { expect, test } from "bun:test";
import { parsePrefix6 } from "#base/address";
import { TRANSIT_LINK } from "#ospf/packet/lsa-body";
import { ROUTER_LSA } from "#ospf/packet/lsa-header";
import { Bench, linkLocal, OPTIONS, OWN_ID, Peer } from "#ospf/testing/scripted-peer";

const DR = 0x0a00_0003;
const BACKUP = 0x0a00_0004;
const QUIET = 0x0a00_0001;
const PARTS = { designatedRouter: DR, backupDesignatedRouter: BACKUP };

/** Everybody's link to the LAN; the bench's interface id is 7, peers' are 3. */
const routerLsa = (interfaceId: number) => ({
  kind: "router" as const,
  flags: 0,
  options: OPTIONS,
  links: [{ type: TRANSIT_LINK, metric: 1, interfaceId, neighborInterfaceId: 3, neighborRouterId: DR }],
});

const prefixLsa = {
  kind: "intraAreaPrefix" as const,
  referenced: { type: ROUTER_LSA, linkStateId: 0, advertisingRouter: QUIET },
  prefixes: [{ ...parsePrefix6("2001:db8::/48")!, options: 0, metric: 0 }],
};

test("RFC 5340 §4.8.2: a DROther is a next hop of another from its first hello to its dead interval", () => {
  const bench = new Bench({ kind: "broadcast", priority: 0 });
  const [dr, backup, quiet] = [DR, BACKUP, QUIET].map((id) => new Peer(bench, id)) as [Peer, Peer, Peer];
  const route = () => bench.core.instance.table.routes.get("2001:db8::/48")?.nextHops;
  const hellos = (rounds: number, others: readonly Peer[]): void => {
    for (let i = 0; i < rounds; i++) {
      for (const peer of [dr, backup, ...others]) peer.hello({ ...PARTS, priority: peer === quiet ? 0 : 1 });
      bench.pass(1000);
    }
  };
  hellos(1, []);
  dr.becomeFull();
  dr.hello(PARTS);
  const attachedRouters = [DR, BACKUP, QUIET, OWN_ID];
  dr.update(
    dr.lsa({ kind: "network", options: OPTIONS, attachedRouters }, { linkStateId: 3 }),
    dr.lsa(routerLsa(3)),
    dr.lsa(routerLsa(3), { advertisingRouter: QUIET }),
    dr.lsa(prefixLsa, { advertisingRouter: QUIET }),
  );
  hellos(8, []);
  expect(bench.core.instance.areas.get(0)!.database.size).toBeGreaterThanOrEqual(5);
  expect(route()).toBeUndefined();
  hellos(6, [quiet]);
  expect(bench.state(QUIET)).toBe("TwoWay");
  expect(route()).toEqual([{ interface: "up0", address: linkLocal(QUIET & 0xff) }]);
  hellos(12, []);
  expect(bench.state(QUIET)).toBe("none");
  expect(route()).toBeUndefined();
});
