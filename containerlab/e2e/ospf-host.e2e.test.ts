/**
 * OSPF alone, no static routes: two hypervisors at a switch, and a dearer link between them. Runs beside others.
 *
 * ```
 *   a ── hv1 ──10── wire ── sw ──10── hv2 ── b        wire: a bridge, of which no router knows
 *          └───────────100───────────┘
 * ```
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { call } from "#cli/client";
import type {
  OspfDatabaseView,
  OspfInterfaceView,
  OspfLsasView,
  OspfNeighborsView,
  OspfRouteView,
  OspfSpfView,
} from "#router/ospf/views";
import { inNamespace } from "#sys/namespace";
import { Rtnetlink } from "#sys/rtnetlink";
import { addressesAt, BLUE, fabricYaml, TestLab } from "./test-lab";

setDefaultTimeout(60_000);
const AIN = fileURLToPath(new URL("../../bin/ain", import.meta.url));

const lab = new TestLab("oh");
const [a] = addressesAt(2, 0, BLUE, 1) as [string];
const [b] = addressesAt(2, 1, BLUE, 1) as [string];
const HV2 = "2001:db8:a1:2::/64";

/** MinLSInterval (5 s) and the SPF delay's long wait (5 s) may add up. */
const until = (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => lab.until(what, holds, 25);

interface Wishes {
  /** Settings of eth1 and eth2. */
  readonly eth1?: string;
  readonly eth2?: string;
  readonly more?: string;
}

const hypervisor = (
  index: number,
  vm: string,
  address: string,
  { eth1 = "", eth2 = "cost: 100", more = "" }: Wishes = {},
) =>
  `name: hv${index}
fabric: ./fabric.yaml
role: hypervisor
prefix: "2001:db8:a1:${index}::/64"
uplinks: [{ interface: eth1 }, { interface: eth2 }]
vms: [{ name: ${vm}, network: blue/prod, address: ${address}, interface: ${vm} }]
ospf:
  defaults: { hello: 1s, dead: 4s, bfd: true }
  interfaces: { eth1: { ${eth1} }, eth2: { ${eth2} } }
${more}`;

const hv1 = (wishes: Wishes = {}): string => hypervisor(1, "a", a, { more: "  record: hv1.ospf\n", ...wishes });
const SWITCH = `name: sw
fabric: ./fabric.yaml
role: switch
address: "2001:db8:a1:ff::1"
uplinks: [{ interface: eth1 }, { interface: eth2 }]
ospf: { routerId: 10.9.9.9, defaults: { hello: 1s, dead: 4s, bfd: true } }
`;

const ospf = async <View>(node: string, what: string): Promise<View> =>
  (await call(lab.socket(node), "GET", `show/ospf/${what}`)) as View;
const neighbors = async (node: string) => (await ospf<OspfNeighborsView>(node, "neighbors")).neighbors;
const full = async (node: string): Promise<string[]> =>
  (await neighbors(node))
    .filter(({ state }) => state === "Full")
    .map(({ routerId, interface: on }) => `${routerId} ${on}`);

/** Uplinks of the next hops of hv1's route to hv2's home. */
async function ways(): Promise<string> {
  const route = (await ospf<OspfRouteView[]>("hv1", "routes")).find(({ prefix }) => prefix === HV2);
  return route?.nextHops.map((hop) => hop.interface).join(" ") ?? "";
}

const reaches = (): boolean => lab.run("a", `ping -c 1 -W 1 ${b}`).status === 0;

function changeLink(node: string, name: string, up: boolean): void {
  const netlink = new Rtnetlink(lab.namespace(node));
  netlink.changeLink(netlink.requireLink(name).index, { up });
  netlink.close();
}

/** No process names the switch's socket any more. */
const ended = (): boolean => spawnSync("pgrep", ["-f", lab.socket("sw")]).status === 1;

const ain = (node: string, ...words: string[]) => {
  const { status, stdout, stderr } = inNamespace(lab.namespace(node), () =>
    spawnSync(AIN, [...words, "--router", lab.socket(node)], { encoding: "utf8" }),
  );
  return { status, text: stdout + stderr };
};

const TOPOLOGY = `  nodes:
${["sw", "hv1", "hv2"].map((n) => `    ${n}: { kind: linux, labels: { ain-role: router, ain-config: ${n}.yaml } }`).join("\n")}
    wire:
      kind: linux
      exec:
        - ip link add name lan type bridge
        - ip link set lan up
        - ip link set eth1 master lan up
        - ip link set eth2 master lan up
    a: { kind: linux, labels: { ain-role: vm, ain-address: ${a}/32, ain-gateway: 10.0.0.1 } }
    b: { kind: linux, labels: { ain-role: vm, ain-address: ${b}/32, ain-gateway: 10.0.0.1 } }
  links:
    - { endpoints: ["sw:eth1", "wire:eth1"], mtu: 1500 }
    - { endpoints: ["wire:eth2", "hv1:eth1"], mtu: 1500 }
    - { endpoints: ["sw:eth2", "hv2:eth1"], mtu: 1500 }
    - { endpoints: ["hv1:eth2", "hv2:eth2"], mtu: 1500 }
    - { endpoints: ["hv1:a", "a:eth1"], mtu: 1500 }
    - { endpoints: ["hv2:b", "b:eth1"], mtu: 1500 }
`;

beforeAll(async () => {
  lab.write("fabric.yaml", fabricYaml(2));
  lab.write("sw.yaml", SWITCH);
  lab.write("hv1.yaml", hv1());
  lab.write("hv2.yaml", hypervisor(2, "b", b));
  await lab.up(TOPOLOGY);
  await until("all are adjacent", async () => (await full("hv1")).length === 2 && (await full("sw")).length === 2);
  await until("the cheaper way is taken", async () => (await ways()) === "eth1");
  await until("a reaches b", reaches);
});
afterAll(() => {
  if (process.env.KEEPLOG) for (const n of ["sw", "hv1", "hv2"]) console.log(n, lab.log(n));
  return lab.down();
});

describe("routers that know each other by OSPF alone", () => {
  test("route by the cheaper way, each with its own id from the fabric's plan", async () => {
    expect((await full("hv1")).sort()).toEqual(["0.0.0.2 eth2", "10.9.9.9 eth1"]);
    expect(await ways()).toBe("eth1");
    const routes = await lab.show("hv1", "routes");
    expect(routes.map(({ prefix, origin }) => `${prefix} ${origin}`).sort()).toEqual([
      "2001:db8:a1:1::/64 local",
      "2001:db8:a1:2::/64 ospf",
      "2001:db8:a1:ff::1/128 ospf",
    ]);
  });

  test("hear all groups on their uplinks, as a real network card passes on what was asked for only", () => {
    expect(lab.run("sw", "ip -details link show eth1").text).toContain("allmulti 1");
  });

  test("have the same database (RFC 2328 §12)", async () => {
    const sums = async (node: string) => {
      const { scopes } = await ospf<OspfDatabaseView>(node, "database");
      return scopes.find(({ scope }) => scope === "area 0.0.0.0")!;
    };
    await until("they have", async () => {
      const all = await Promise.all(["hv1", "hv2", "sw"].map(sums));
      return all.every(({ checksum, lsas }) => checksum === all[0]!.checksum && lsas === 6);
    });
  });

  test("have their neighbors watched by BFD", async () => {
    await until("all sessions are up", async () => {
      const { sessions } = (await call(lab.socket("sw"), "GET", "show/bfd")) as { sessions: { state: string }[] };
      return sessions.length === 2 && sessions.every(({ state }) => state === "Up");
    });
    expect(ain("sw", "show", "bfd").text).toMatch(/eth1 +fe80::\S+ +Up +Up +100ms +300ms/);
  });
});

describe("ain show ospf", () => {
  test("tells neighbors, interfaces, areas, routes and computations in tables", () => {
    const shown = (...words: string[]) => {
      const { status, text } = ain("hv1", "show", "ospf", ...words);
      expect(status, text).toBe(0);
      return text;
    };
    expect(shown()).toContain("router 0.0.0.1\nareas 0.0.0.0; 2 interfaces up; 2 neighbors, 2 full");
    expect(shown("neighbors")).toMatch(/10\.9\.9\.9 +eth1 +fe80::\S+ +0\.0\.0\.0 +Full/);
    expect(shown("interfaces")).toMatch(/eth2 +0\.0\.0\.0 +PointToPoint +100 +1\/1/);
    expect(shown("areas")).toContain("area 0.0.0.0: normal, 6 LSAs");
    expect(shown("routes")).toMatch(/2001:db8:a1:2::\/64 +intra +0\.0\.0\.0 +20 +fe80::\S+ via eth1 +used/);
    expect(shown("spf")).toMatch(/^(?:quiet|short wait|long wait)[\s\S]*full/);
    expect(shown("database")).toMatch(/router +0\.0\.0\.0 +10\.9\.9\.9 +\d+ +0x8000\w{4} +0x\w{4}/);
    expect(shown("database", "router", "10.9.9.9")).toMatch(/point-to-point link to 0\.0\.0\.1, metric 10/);
    expect(shown("database", "all", "0.0.0.2")).toContain("prefix 2001:db8:a1:2::/64 metric 0");
    expect(shown("database", "grace")).toContain("there is no such LSA");
  });

  test("says what is wrong with what it is asked for", () => {
    expect(ain("hv1", "show", "ospf", "database", "router", "10.9.9")).toMatchObject({
      status: 4,
      text: 'ain: found "10.9.9", expected the advertising router\'s id: 10.0.0.1\n',
    });
    expect(ain("hv1", "show", "ospf", "neighbours").status).toBe(2);
  });
});

describe("a link", () => {
  test("cut at one end: the other way is taken, by the neighbors too; restored, it is taken again", async () => {
    changeLink("hv1", "eth1", false);
    await until("hv1 routes by eth2", async () => (await ways()) === "eth2");
    await until("a reaches b", reaches);
    changeLink("hv1", "eth1", true);
    await until("hv1 routes by eth1", async () => (await ways()) === "eth1");
    await until("a reaches b by it", reaches); // failover.e2e counts what is lost meanwhile
  });

  test("that carries nothing any more, in silence: BFD has the other way taken", async () => {
    const bridge = (words: string) => expect(lab.run("wire", `ip link set eth2 ${words}`).status).toBe(0);
    bridge("nomaster");
    await until("hv1 routes by eth2", async () => (await ways()) === "eth2");
    await until("a reaches b", reaches);
    expect(lab.log("hv1")).toContain("is lost by BFD");
    bridge("master lan");
    await until("hv1 routes by eth1", async () => (await ways()) === "eth1");
    await until("a reaches b by it", reaches); // failover.e2e counts what is lost meanwhile
  });
});

describe("a reload", () => {
  test("with other costs moves the routes and no adjacency", async () => {
    const before = (await neighbors("hv1")).map(({ routerId, changes }) => `${routerId} ${changes}`);
    lab.write("hv1.yaml", hv1({ eth1: "cost: 1000" }));
    const { status, text } = ain("hv1", "reload");
    expect([status, text]).toEqual([0, "~ ospf interface eth1: cost 10 → 1000\n"]);
    await until("hv1 routes by eth2", async () => (await ways()) === "eth2");
    lab.write("hv1.yaml", hv1({ eth2: "cost: 20" }));
    expect(ain("hv1", "reload").status).toBe(0);
    await until("hv1 routes by both", async () => (await ways()) === "eth1 eth2");
    await until("a reaches b by them", reaches);
    expect((await neighbors("hv1")).map(({ routerId, changes }) => `${routerId} ${changes}`)).toEqual(before);
    lab.write("hv1.yaml", hv1());
    expect(ain("hv1", "reload").status).toBe(0);
    await until("hv1 routes by eth1", async () => (await ways()) === "eth1");
  });

  test("with another hello interval: both ends say why they part, and meet again when it is put right", async () => {
    lab.write("hv1.yaml", hv1({ eth2: "cost: 100, hello: 2s, dead: 8s" }));
    expect(ain("hv1", "reload").status).toBe(0);
    await until("they part", async () => (await full("hv1")).length === 1);
    for (const node of ["hv1", "hv2"]) {
      await until(`${node} says why`, () => /hello interval/i.test(ain(node, "show", "ospf", "neighbors").text));
      const interfaces = await ospf<OspfInterfaceView[]>(node, "interfaces");
      expect(Object.keys(interfaces[1]!.refused).join()).toMatch(/hello interval/i);
    }
    lab.write("hv1.yaml", hv1());
    expect(ain("hv1", "reload").status).toBe(0);
    await until("they meet", async () => (await full("hv1")).length === 2);
  });

  test("without OSPF takes its routes out, and with it brings them back", async () => {
    lab.write(
      "hv2.yaml",
      hypervisor(2, "b", b)
        .replace("ospf:", "ospf: false\nxospf:")
        .replace(/xospf:[\s\S]*/, ""),
    );
    expect(ain("hv2", "reload").status).toBe(0);
    expect((await lab.show("hv2", "routes")).map(({ origin }) => origin)).toEqual(["local"]);
    expect(ain("hv2", "show", "ospf")).toEqual({
      status: 4,
      text: "ain: OSPF is off: the node's file has no section ospf\n",
    });
    await until("hv1 has no way", async () => (await ways()) === "");
    lab.write("hv2.yaml", hypervisor(2, "b", b));
    expect(ain("hv2", "reload").status).toBe(0);
    await until("a reaches b", reaches);
  });
});

/** What hv1 holds stays the same for longer than an LSA may wait for its turn (MinLSInterval). */
async function settled(): Promise<void> {
  const held = async () => JSON.stringify((await ospf<OspfDatabaseView>("hv1", "database")).scopes);
  for (let [before, since] = [await held(), Date.now()]; Date.now() - since < 6000; await Bun.sleep(200)) {
    const now = await held();
    if (now !== before) [before, since] = [now, Date.now()];
  }
}

describe("the end", () => {
  test("a planned restart: neighbors keep their routes, and take the router up again where it was (RFC 3623)", async () => {
    await until("hv1 routes by eth1", async () => (await ways()) === "eth1");
    await settled(); // a change on its way, rightly, ends the help (RFC 3623 §3.2)
    const runs = async () => (await ospf<OspfSpfView>("hv1", "spf")).runs.length;
    const [computed, log] = [await runs(), lab.log("hv1").length];
    expect(ain("sw", "stop", "--restart").status).toBe(0);
    await until("sw has ended", ended);
    expect((await full("hv1")).includes("10.9.9.9 eth1")).toBe(true);
    expect((await neighbors("hv1")).find(({ routerId }) => routerId === "10.9.9.9")?.helpedFor).toBeGreaterThan(0);
    expect(await ways()).toBe("eth1");
    await lab.up(TOPOLOGY);
    await until("sw is back", async () => (await full("sw")).length === 2);
    await until("hv1 helps no more", () => lab.log("hv1").slice(log).includes("no longer helped"));
    expect(lab.log("hv1").slice(log)).toContain("it has restarted");
    expect(await ways()).toBe("eth1");
    await until("a reaches b", reaches);
    expect(computed).toBeGreaterThan(0);
  });

  test("ain stop takes the router's LSAs back: its neighbors hold none of them, without waiting for MaxAge", async () => {
    expect(ain("sw", "stop").status).toBe(0);
    await until("sw has ended", ended);
    await until("its LSAs are gone", async () => {
      const lsas = await ospf<OspfLsasView>("hv1", "database/all/10.9.9.9");
      return lsas.length === 0;
    });
    await until("hv1 routes by eth2", async () => (await ways()) === "eth2");
    await until("a reaches b", reaches);
  });
});

test("a recording, replayed, ends in the very state that the router was in", async () => {
  const file = join(lab.folder, "hv1.ospf");
  const live = await ospf<OspfDatabaseView>("hv1", "database");
  const routes = await ospf<OspfRouteView[]>("hv1", "routes");
  const { stdout, stderr } = spawnSync(AIN, ["ospf", "replay", "--json", file], {
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  const played = JSON.parse(stdout) as { database: OspfDatabaseView; routes: OspfRouteView[]; failure: unknown };
  expect(played.failure, stderr).toBeNull();
  expect(played.database.scopes).toEqual(live.scopes);
  expect(played.routes).toEqual(routes.map(({ state, ...route }) => route));
  expect(readFileSync(file, "utf8").split("\n", 1)[0]).toContain('"recording":"ospf"');
});

test("nothing that ran here complained of a defect", () => {
  for (const node of ["sw", "hv1", "hv2"]) expect(lab.log(node)).not.toContain("defect");
});
