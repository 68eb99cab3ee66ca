/**
 * Failover under traffic: two hypervisors, each with an uplink to either of two switches; a packet each millisecond each
 * way in 20 flows, some by this switch and some by that, every packet accounted for.
 *
 * ```
 *   a ── hv1 ──eth1── wire ── swa ── hv2 ── b        wire: a bridge, of which no router knows
 *          └───eth2────────── swb ───┘
 * ```
 */
import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { call } from "#cli/client";
import { DEFAULT_SPF_DELAYS } from "#ospf/config";
import type { OspfNeighborsView, OspfRouteView, OspfSpfView } from "#router/ospf/views";
import { inNamespace } from "#sys/namespace";
import { Rtnetlink } from "#sys/rtnetlink";
import { type Account, accountOf, describe as describeAccount, type Packet } from "./failover/account";
import { Observer } from "./failover/observer";
import { type Stream, Traffic } from "./failover/traffic";
import { addressesAt, BLUE, fabricYaml, TestLab } from "./test-lab";

setDefaultTimeout(120_000);
const AIN = fileURLToPath(new URL("../../bin/ain", import.meta.url));
const FAILING_CORE = fileURLToPath(new URL("failover/failing-core.ts", import.meta.url));

/** What is promised of BFD at 100 ms × 3, milliseconds. */
const PROMISED = 400;
/**
 * Of a machine that gives the routers their time. One that stalls for longer than BFD waits takes links away by itself;
 * what was lost then says nothing of the routers, so it is tried again, and Bun says which attempt passed.
 */
const ON_A_STEADY_MACHINE = { retry: 2 };

const lab = new TestLab("fo");
const [a] = addressesAt(2, 0, BLUE, 1) as [string];
const [b] = addressesAt(2, 1, BLUE, 1) as [string];
const ROUTERS = ["hv1", "hv2", "swa", "swb"] as const;
const STREAMS: readonly Stream[] = [
  { from: "a", to: "b", address: b, firstPort: 20_000, flows: 20 },
  { from: "b", to: "a", address: a, firstPort: 30_000, flows: 20 },
];
const observer = new Observer(STREAMS);
const PLACES = ROUTERS.flatMap((router) => [`${router} eth1`, `${router} eth2`]);

/** The back-off is quiet again 6 s after the last change, in place of 10 s. */
const OSPF = "defaults: { hello: 1s, dead: 4s, bfd: true }\n  spf: { holdDown: 6s }";

const hypervisor = (index: number, vm: string, address: string, eth1 = "") => `name: hv${index}
fabric: ./fabric.yaml
role: hypervisor
prefix: "2001:db8:a1:${index}::/64"
uplinks: [{ interface: eth1 }, { interface: eth2 }]
vms: [{ name: ${vm}, network: blue/prod, address: ${address}, interface: ${vm} }]
ospf:
  ${OSPF}
  interfaces: { eth1: { ${eth1} } }
`;

const switchNode = (name: string, index: number) => `name: ${name}
fabric: ./fabric.yaml
role: switch
address: "2001:db8:a1:ff::${index}"
uplinks: [{ interface: eth1 }, { interface: eth2 }]
ospf:
  routerId: 10.9.9.${index}
  ${OSPF}
`;

const TOPOLOGY = `  nodes:
${ROUTERS.map((n) => `    ${n}: { kind: linux, labels: { ain-role: router, ain-config: ${n}.yaml }${n === "hv1" ? `, env: { BUN_OPTIONS: "--preload ${FAILING_CORE}" }` : ""} }`).join("\n")}
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
    - { endpoints: ["hv1:eth1", "wire:eth1"], mtu: 1500 }
    - { endpoints: ["wire:eth2", "swa:eth1"], mtu: 1500 }
    - { endpoints: ["hv1:eth2", "swb:eth1"], mtu: 1500 }
    - { endpoints: ["hv2:eth1", "swa:eth2"], mtu: 1500 }
    - { endpoints: ["hv2:eth2", "swb:eth2"], mtu: 1500 }
    - { endpoints: ["hv1:a", "a:eth1"], mtu: 1500 }
    - { endpoints: ["hv2:b", "b:eth1"], mtu: 1500 }
`;

/** What `ain show ospf` has at a router; undefined while it does not answer. */
async function ospf<View>(node: string, what: string): Promise<View | undefined> {
  try {
    return (await call(lab.socket(node), "GET", `show/ospf/${what}`)) as View;
  } catch {
    return undefined;
  }
}

async function adjacencies(node: string): Promise<number> {
  const view = await ospf<OspfNeighborsView>(node, "neighbors");
  return view?.neighbors.filter(({ state, watchedByBfd }) => state === "Full" && watchedByBfd).length ?? 0;
}

async function isQuiet(node: string): Promise<boolean> {
  const view = await ospf<OspfSpfView>(node, "spf");
  return view?.state === "QUIET" && view.computeIn === null;
}

/** The uplinks that a hypervisor's route to the other's home has. */
async function ways(node: "hv1" | "hv2"): Promise<string> {
  const prefix = `2001:db8:a1:${node === "hv1" ? 2 : 1}::/64`;
  const route = (await ospf<OspfRouteView[]>(node, "routes"))?.find((each) => each.prefix === prefix);
  return (
    route?.nextHops
      .map((hop) => hop.interface)
      .sort()
      .join(" ") ?? ""
  );
}

const bothBy = async (uplinks: string): Promise<boolean> =>
  (await ways("hv1")) === uplinks && (await ways("hv2")) === uplinks;

const every = async (holds: (node: string) => Promise<boolean>): Promise<boolean> =>
  (await Promise.all(ROUTERS.map(holds))).every(Boolean);

/** All adjacent, both ways in use, and so long ago that the next change finds the back-off quiet. */
async function settled(): Promise<void> {
  await lab.until("all are adjacent", () => every(async (node) => (await adjacencies(node)) === 2), 30);
  await lab.until("both ways are used", () => bothBy("eth1 eth2"), 30);
  await lab.until("all are quiet", () => every(isQuiet), 30);
}

function changeLink(node: string, name: string, up: boolean): void {
  const netlink = new Rtnetlink(lab.namespace(node));
  netlink.changeLink(netlink.requireLink(name).index, { up });
  netlink.close();
}

const bridge = (words: string) => expect(lab.run("wire", `ip link set eth2 ${words}`).status).toBe(0);

/** As it was in the beginning, whatever an attempt left. */
async function whole(): Promise<void> {
  for (const uplink of ["eth1", "eth2"]) changeLink("hv1", uplink, true);
  bridge("master lan");
  lab.write("hv1.yaml", hypervisor(1, "a", a));
  await lab.up(TOPOLOGY);
  expect(await ain("hv1", "reload")).toBe(0);
}

const ain = (node: string, ...words: string[]): Promise<number | null> => {
  const child = inNamespace(lab.namespace(node), () =>
    spawn(AIN, [...words, "--router", lab.socket(node)], { stdio: "ignore" }),
  );
  return new Promise((resolve) => child.once("exit", resolve));
};

function processOf(node: string): number | undefined {
  const { stdout } = spawnSync("pgrep", ["-f", `^[^ ]*bun[^ ]* .*--socket ${lab.socket(node)}$`], { encoding: "utf8" });
  return stdout.trim() === "" ? undefined : Number(stdout.trim().split("\n")[0]);
}

type Path = "swa" | "swb";
/** What became of the packets of flows that took a switch when the recording began. */
type Outcome = Readonly<Record<Path, Account>>;

const BOTH: readonly Path[] = ["swa", "swb"];
/** The switches that each end's flows take. */
type Paths = Readonly<Record<string, readonly Path[]>>;

/** Traffic while `act` changes something, until a while after it resolves. `paths`: those that are taken at the beginning. */
async function under(what: string, act: () => Promise<unknown>, paths: Paths = { a: BOTH, b: BOTH }): Promise<Outcome> {
  const traffic = await Traffic.start({ lab, observer, streams: STREAMS, places: PLACES });
  let streams: Map<Stream, Packet[]>;
  try {
    await Bun.sleep(500);
    await act();
    await Bun.sleep(1000);
  } finally {
    streams = await traffic.stop();
  }
  expect(observer.drops).toBe(0);
  const byPath: Record<Path, Packet[]> = { swa: [], swb: [] };
  for (const [stream, packets] of streams) {
    const taken = pathsOf(packets);
    expect([...new Set(taken.values())].sort(), `ways of ${stream.from}'s flows`).toEqual([...paths[stream.from]!]);
    // Flows of both streams are told apart.
    for (const packet of packets)
      byPath[taken.get(packet.flow)!]!.push({ ...packet, flow: packet.flow + stream.firstPort });
  }
  const account = (path: Path): Account => accountOf(byPath[path].sort((p, q) => p.at - q.at));
  const outcome = { swa: account("swa"), swb: account("swb") };
  if (process.env.SHOW_ACCOUNTS !== undefined)
    for (const path of BOTH) console.log(`${what}, by ${path}: ${describeAccount(outcome[path])}`);
  return outcome;
}

/** The switch that each flow took first. */
function pathsOf(packets: readonly Packet[]): Map<number, Path> {
  const taken = new Map<number, Path>();
  for (const { flow, places } of packets) {
    const [path, ...others] = BOTH.filter((name) => places.some((place) => place.startsWith(name)));
    if (path !== undefined && others.length === 0 && !taken.has(flow)) taken.set(flow, path);
  }
  return taken;
}

beforeAll(async () => {
  lab.write("fabric.yaml", fabricYaml(2));
  lab.write("hv1.yaml", hypervisor(1, "a", a));
  lab.write("hv2.yaml", hypervisor(2, "b", b));
  lab.write("swa.yaml", switchNode("swa", 1));
  lab.write("swb.yaml", switchNode("swb", 2));
  await lab.up(TOPOLOGY);
  for (const router of ROUTERS) {
    for (const name of ["eth1", "eth2"]) observer.watch(`${router} ${name}`, lab.namespace(router), name);
  }
  for (const vm of ["a", "b"]) observer.watch(vm, lab.namespace(vm), "eth1");
});
beforeEach(async () => {
  await whole();
  await settled();
});
afterAll(() => {
  observer.close();
  if (process.env.SHOW_LOGS !== undefined) for (const n of ROUTERS) console.log(n, lab.log(n));
  return lab.down();
});

const UNHARMED: Partial<Account> = { lost: 0, duplicates: 0, looped: 0 };

/** Nothing is lost; nothing goes in circles for longer than routers that were quiet wait before they compute. */
function expectWhole(account: Account): void {
  expect(account, describeAccount(account)).toMatchObject({ lost: 0, duplicates: 0 });
  expect(account.loopedFor, describeAccount(account)).toBeLessThanOrEqual(DEFAULT_SPF_DELAYS.initial);
}

test(
  "nothing is lost, doubled or sent in circles while nothing happens",
  async () => {
    const { swa, swb } = await under("nothing", () => Bun.sleep(1000));
    expect([swa, swb]).toMatchObject([UNHARMED, UNHARMED]);
  },
  ON_A_STEADY_MACHINE,
);

describe("a link", () => {
  const other = (path: Path): Path => (path === "swa" ? "swb" : "swa");
  const uplinkTo = (path: Path): string => (path === "swa" ? "eth1" : "eth2");

  const cut = async (what: string, path: Path, act: () => void): Promise<void> => {
    const outcome = await under(what, async () => {
      act();
      await lab.until("the other way is taken", () => bothBy(uplinkTo(other(path))));
    });
    expect(outcome[path].outage, describeAccount(outcome[path])).toBeLessThan(PROMISED);
    expect(outcome[path].duplicates).toBe(0);
    expect(outcome[other(path)]).toMatchObject(UNHARMED);
  };
  const restored = async (what: string, path: Path, act: () => void): Promise<void> => {
    await lab.until("all are quiet", () => every(isQuiet), 30);
    const restore = async () => {
      act();
      await lab.until("both ways are used", () => bothBy("eth1 eth2"), 30);
    };
    expectWhole((await under(what, restore, { a: [other(path)], b: [other(path)] }))[other(path)]);
  };

  test(
    "whose interface goes down: both ends see it",
    async () => {
      await cut("down", "swb", () => changeLink("hv1", "eth2", false));
      await restored("up", "swb", () => changeLink("hv1", "eth2", true));
    },
    ON_A_STEADY_MACHINE,
  );

  test(
    "whose interface goes down where the other end cannot see it",
    async () => {
      await cut("down at one end", "swa", () => changeLink("hv1", "eth1", false));
      await restored("up at one end", "swa", () => changeLink("hv1", "eth1", true));
    },
    ON_A_STEADY_MACHINE,
  );

  test(
    "that carries nothing any more, in silence: BFD",
    async () => {
      await cut("silence", "swa", () => bridge("nomaster"));
      await restored("no silence", "swa", () => bridge("master lan"));
    },
    ON_A_STEADY_MACHINE,
  );
});

test(
  "another cost moves flows, and loses nothing",
  async () => {
    const reloaded = async (eth1: string, uplinks: string): Promise<void> => {
      lab.write("hv1.yaml", hypervisor(1, "a", a, eth1));
      expect(await ain("hv1", "reload")).toBe(0);
      await lab.until("its way has changed", async () => (await ways("hv1")) === uplinks, 30);
    };
    const dearer = await under("dearer", () => reloaded("cost: 100", "eth2"));
    for (const path of BOTH) expectWhole(dearer[path]);
    await lab.until("all are quiet", () => every(isQuiet), 30);
    const cheaper = await under("cheaper", () => reloaded("", "eth1 eth2"), { a: ["swb"], b: BOTH });
    for (const path of BOTH) expectWhole(cheaper[path]);
  },
  ON_A_STEADY_MACHINE,
);

describe("a switch", () => {
  test(
    "that is killed, and started again",
    async () => {
      const killed = await under("killed", async () => {
        process.kill(processOf("swa")!, "SIGKILL");
        await lab.until("the other way is taken", () => bothBy("eth2"));
      });
      expect(killed.swa.outage, describeAccount(killed.swa)).toBeLessThan(PROMISED);
      expect(killed.swb).toMatchObject(UNHARMED);
      await lab.until(
        "all are quiet",
        async () => (await Promise.all(["hv1", "hv2", "swb"].map(isQuiet))).every(Boolean),
        30,
      );
      const back = async () => {
        await lab.up(TOPOLOGY);
        await lab.until("both ways are used", () => bothBy("eth1 eth2"), 30);
      };
      expectWhole((await under("started again", back, { a: ["swb"], b: ["swb"] })).swb);
    },
    ON_A_STEADY_MACHINE,
  );

  test(
    "that is restarted as planned",
    async () => {
      const log = new Map(["hv1", "hv2", "swa"].map((node) => [node, lab.log(node).length]));
      const since = (node: string) => lab.log(node).slice(log.get(node));
      const outcome = await under("planned restart", async () => {
        expect(await ain("swa", "stop", "--restart")).toBe(0);
        await lab.until("it has ended", () => processOf("swa") === undefined);
        await lab.up(TOPOLOGY);
        await lab.until("it is back", async () => (await adjacencies("swa")) === 2, 30);
        for (const node of ["hv1", "hv2"])
          await lab.until(`${node} helps no more`, () => since(node).includes("it has restarted"), 30);
        await Bun.sleep(1500); // and it is used again
      });
      expect([outcome.swa, outcome.swb]).toMatchObject([UNHARMED, UNHARMED]);
      expect(since("swa")).toContain("graceful restart ends: all adjacencies are back");
    },
    ON_A_STEADY_MACHINE,
  );
});

test(
  "an OSPF core that fails is replaced, and nothing is lost",
  async () => {
    const log = lab.log("hv1").length;
    const since = () => lab.log("hv1").slice(log);
    const outcome = await under("core", async () => {
      process.kill(processOf("hv1")!, "SIGUSR2");
      await lab.until("it failed", () => since().includes("failing as a test wants it to"));
      await lab.until("it is back", async () => (await adjacencies("hv1")) === 2, 30);
      await lab.until("its restart is over", () => since().includes("all adjacencies are back"), 30);
    });
    expect([outcome.swa, outcome.swb]).toMatchObject([UNHARMED, UNHARMED]);
  },
  ON_A_STEADY_MACHINE,
);
