import { expect } from "bun:test";
import { ALL_D_ROUTERS, ALL_SPF_ROUTERS, LINK_STATE_ACKNOWLEDGMENT, LINK_STATE_UPDATE } from "#ospf/packet/header";
import { NETWORK_LSA } from "#ospf/packet/lsa-header";
import { stub } from "#ospf/testing/configs";
import { Bench, OPTIONS, OWN_ID, Peer } from "#ospf/testing/scripted-peer";
import { step } from "#ospf/testing/step";

const SMALLER = 0x0a00_0001;
const GREATER = 0x0a00_0003;
const OTHER = 0x0a00_0004;

const lan = (priority = 1): Bench => new Bench({ kind: "broadcast", priority });
const up = (bench: Bench) => bench.core.instance.interfaces.get("up0")!;

const router = {
  kind: "router",
  flags: 0,
  options: OPTIONS,
  links: [{ type: 1, metric: 5, interfaceId: 1, neighborInterfaceId: 1, neighborRouterId: 9 }],
} as const;

step("alone on a LAN: Waiting for the dead interval, then DR (RFC 2328 §9.3, WaitTimer)", () => {
  const bench = lan();
  expect(up(bench).state).toBe("Waiting");
  bench.pass(3999);
  expect(up(bench).state).toBe("Waiting");
  bench.pass(1);
  expect(up(bench).state).toBe("DR");
});

step("of priority 0: DROther at once, never elected (RFC 2328 §9.3, InterfaceUp)", () => {
  const bench = lan(0);
  expect(up(bench).state).toBe("DROther");
  bench.pass(10_000);
  expect(up(bench)).toMatchObject({ state: "DROther", designatedRouter: 0 });
});

step("a neighbor that is Backup ends the wait (RFC 2328 §9.2, BackupSeen)", () => {
  const bench = lan();
  new Peer(bench, GREATER).hello({ designatedRouter: OTHER, backupDesignatedRouter: GREATER });
  expect(up(bench).state).not.toBe("Waiting");
});

step("a neighbor that is DR without a Backup ends the wait: we are Backup (RFC 2328 §9.2, BackupSeen)", () => {
  const bench = lan();
  new Peer(bench, SMALLER).hello({ designatedRouter: SMALLER });
  expect(up(bench)).toMatchObject({ state: "Backup", designatedRouter: SMALLER, backupDesignatedRouter: OWN_ID });
});

step("two DROthers stay two-way: each is adjacent to DR and Backup alone (RFC 2328 §10.4)", () => {
  const bench = lan(0);
  const parts = { designatedRouter: GREATER, backupDesignatedRouter: OTHER };
  const peers = [SMALLER, GREATER, OTHER].map((id) => new Peer(bench, id));
  for (const peer of peers) peer.hello({ ...parts, priority: peer.routerId === SMALLER ? 0 : 1 });
  expect(peers.map(({ routerId }) => bench.state(routerId))).toEqual(["TwoWay", "ExStart", "ExStart"]);
});

step(
  "when the DR goes, the Backup takes its place and an adjacency with the new Backup is begun (RFC 2328 §9.4)",
  () => {
    const bench = lan(0);
    const parts = { designatedRouter: GREATER, backupDesignatedRouter: OTHER };
    const [smaller, greater, other] = [SMALLER, GREATER, OTHER].map((id) => new Peer(bench, id));
    for (const peer of [smaller!, greater!, other!]) peer.hello(parts);
    for (let i = 0; i < 5; i++) {
      bench.pass(1000);
      smaller!.hello(parts);
      other!.hello(parts);
    }
    expect(up(bench)).toMatchObject({ designatedRouter: OTHER });
    expect(bench.state(SMALLER)).toBe("TwoWay"); // who is Backup is for the new DR to say
    const anew = { designatedRouter: OTHER, backupDesignatedRouter: SMALLER };
    other!.hello(anew);
    smaller!.hello(anew);
    expect(up(bench)).toMatchObject(anew);
    expect(bench.state(SMALLER)).toBe("ExStart");
  },
);

/** We are DR (or, with `dr`, Backup) of a LAN with one Full neighbor. */
function adjacent(peerIsDr: boolean): { bench: Bench; peer: Peer } {
  const bench = lan();
  const peer = new Peer(bench, GREATER);
  const parts = peerIsDr
    ? { designatedRouter: GREATER, backupDesignatedRouter: 0 }
    : { designatedRouter: OWN_ID, backupDesignatedRouter: GREATER };
  if (!peerIsDr) bench.pass(4000);
  peer.hello(parts);
  peer.becomeFull();
  for (let i = 0; i < 8; i++) {
    peer.hello({ ...parts, backupDesignatedRouter: peerIsDr ? OWN_ID : GREATER });
    for (const { lsas } of bench.heard(LINK_STATE_UPDATE)) peer.acknowledge(...lsas);
    bench.pass(900);
  }
  peer.hello({ ...parts, backupDesignatedRouter: peerIsDr ? OWN_ID : GREATER });
  bench.hear();
  expect(bench.state(GREATER)).toBe("Full");
  return { bench, peer };
}

step("the DR originates the network-LSA with all that are Full with it (RFC 2328 §12.4.2)", () => {
  const { bench } = adjacent(false);
  expect(up(bench).state).toBe("DR");
  const [entry] = [...bench.core.instance.areas.get(0)!.database.ofRouter(NETWORK_LSA, OWN_ID)];
  expect(entry!.lsa.header.linkStateId).toBe(7);
  expect(entry!.body).toMatchObject({ kind: "network", attachedRouters: expect.arrayContaining([OWN_ID, GREATER]) });
});

step("the DR floods an LSA back on the LAN it came by, which acknowledges it (RFC 2328 §13.3 step 4, §13.5)", () => {
  const { bench } = adjacent(false);
  const other = new Peer(bench, OTHER);
  other.hello({ designatedRouter: OWN_ID, backupDesignatedRouter: GREATER });
  other.describe({ flags: 7 });
  other.describe({ flags: 1, sequence: other.sequence + 1 });
  bench.hear();
  other.update(other.lsa(router));
  const said = bench.hear();
  const update = said.find(({ packet }) => packet.type === LINK_STATE_UPDATE)!;
  expect(update.destination).toEqual(ALL_SPF_ROUTERS);
  bench.pass(500);
  expect(bench.heard(LINK_STATE_ACKNOWLEDGMENT)).toEqual([]);
});

step(
  "the Backup acknowledges what the DR sent, later, and leaves flooding to it (RFC 2328 §13.3 step 4, §13.5)",
  () => {
    const { bench, peer } = adjacent(true);
    expect(up(bench).state).toBe("Backup");
    peer.update(peer.lsa(router));
    expect(bench.heard(LINK_STATE_UPDATE)).toEqual([]);
    bench.pass(300);
    const said = bench.hear().filter(({ packet }) => packet.type === LINK_STATE_ACKNOWLEDGMENT);
    expect(said.map(({ destination }) => destination)).toEqual([ALL_SPF_ROUTERS]);
  },
);

step(
  "a DROther floods to DR and Backup alone, and ignores what is for them (RFC 2328 §13.3 step 5, RFC 5340 §4.2.2)",
  () => {
    const bench = lan(0);
    const peer = new Peer(bench, GREATER);
    const parts = { designatedRouter: GREATER, backupDesignatedRouter: OTHER };
    peer.hello(parts);
    peer.becomeFull();
    peer.hello(parts);
    bench.hear();
    bench.tell({ type: "configure", config: { ...bench.core.instance.config, prefixes: [stub("2001:db8:5::/64")] } });
    const updates = bench.hear().filter(({ packet }) => packet.type === LINK_STATE_UPDATE);
    expect(updates.map(({ destination }) => destination)).toEqual([ALL_D_ROUTERS]);
    const before = [...up(bench).counters.received];
    peer.say(
      { type: LINK_STATE_ACKNOWLEDGMENT, routerId: GREATER, areaId: 0, instanceId: 0, headers: [] },
      ALL_D_ROUTERS,
    );
    expect(up(bench).counters.received).toEqual(before);
  },
);
