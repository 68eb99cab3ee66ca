/**
 * Who has VMs on an Ethernet segment, as hypervisors tell one another, and multicast trees that switches grow for it by
 * MLDv2 (paper §2.2):
 *
 * ```
 *   hv1 (a)   hv2 (b)        hv3 (c; red's r)
 *        \     /              |
 *         leaf1 ──────────── leaf2
 * ```
 * Runs beside others.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { SegmentHereView, SegmentsView } from "#router/broadcast/views";
import { api } from "./mobility/world";
import { addressesAt, BLUE, fabricYaml, hypervisorYaml, RED, TestLab } from "./test-lab";

setDefaultTimeout(90_000);
const lab = new TestLab("sm");

const [A] = addressesAt(3, 0, BLUE, 1) as [string];
const [B] = addressesAt(3, 1, BLUE, 1) as [string];
const [C] = addressesAt(3, 2, BLUE, 1) as [string];
const [R] = addressesAt(3, 2, RED, 1) as [string];
const HYPERVISORS = ["hv1", "hv2", "hv3"] as const;
const GROUP = "ff38::8000:401";

const withSegments = fabricYaml(3)
  .replaceAll("gateway: 10.0.0.1 }", "gateway: 10.0.0.1, broadcast: { prefix: 10.0.0.0/24, replicate: multicast } }")
  .concat(`mobility: { lifetime: 20s, heartbeat: 1s, auth: { keys: [{ id: 1000, secret: "well kept" }] } }\n`);

const leaf = (index: number, routes: readonly string[], interfaces: readonly string[]): string => `name: leaf${index}
fabric: ./fabric.yaml
role: switch
address: "2001:db8:a1:f${index}::1"
uplinks: [${interfaces.map((name) => `{ interface: ${name} }`).join(", ")}]
routes:
${routes.map((route) => `  - ${route}`).join("\n")}
`;

const via = (to: number, uplink: string, hop = `2001:db8:a1:${to}::1`): string =>
  `{ to: "2001:db8:a1:${to}::/64", via: [{ uplink: ${uplink}, nextHop: "${hop}" }] }`;

beforeAll(async () => {
  lab.write("fabric.yaml", withSegments);
  lab.write(
    "leaf1.yaml",
    leaf(1, [via(1, "eth1"), via(2, "eth2"), via(3, "eth3", "2001:db8:a1:f2::1")], ["eth1", "eth2", "eth3"]),
  );
  const up = "2001:db8:a1:f1::1";
  lab.write("leaf2.yaml", leaf(2, [via(3, "eth1"), via(1, "eth2", up), via(2, "eth2", up)], ["eth1", "eth2"]));
  const vm = (name: string, address: string, network = "blue/prod"): string =>
    `{ name: ${name}, network: ${network}, address: ${address}, interface: ${name} }`;
  const vms = [[vm("a", A)], [vm("b", B)], [vm("c", C), vm("r", R, "red/prod")]];
  vms.forEach((here, i) => {
    const address = i < 2 ? up : "2001:db8:a1:f2::1";
    const nextHops = [{ uplink: "eth1", address }];
    lab.write(`hv${i + 1}.yaml`, hypervisorYaml({ index: i + 1, vms: here, nextHops }));
  });
  const router = (name: string): string =>
    `    ${name}: { kind: linux, labels: { ain-role: router, ain-config: ${name}.yaml } }`;
  const guest = (name: string, address: string): string =>
    `    ${name}: { kind: linux, labels: { ain-role: vm, ain-address: ${address}/24, ain-gateway: 10.0.0.1 } }`;
  await lab.up(`  nodes:
${["leaf1", "leaf2", ...HYPERVISORS].map(router).join("\n")}
${[guest("a", A), guest("b", B), guest("c", C), guest("r", R)].join("\n")}
  links:
    - { endpoints: ["leaf1:eth1", "hv1:eth1"], mtu: 1600 }
    - { endpoints: ["leaf1:eth2", "hv2:eth1"], mtu: 1600 }
    - { endpoints: ["leaf2:eth1", "hv3:eth1"], mtu: 1600 }
    - { endpoints: ["leaf1:eth3", "leaf2:eth2"], mtu: 1600 }
    - { endpoints: ["hv1:a", "a:eth1"], mtu: 1500 }
    - { endpoints: ["hv2:b", "b:eth1"], mtu: 1500 }
    - { endpoints: ["hv3:c", "c:eth1"], mtu: 1500 }
    - { endpoints: ["hv3:r", "r:eth1"], mtu: 1500 }
`);
});
afterAll(() => lab.down());

const segments = (node: string): Promise<SegmentsView> => lab.show(node, "segments");

async function here(node: string, network = "blue/prod"): Promise<SegmentHereView | undefined> {
  const view = await segments(node);
  return view.segments.find((one) => one.network === network)?.here ?? undefined;
}

/** Other hypervisors, by their homes. */
const membersAt = async (node: string, network?: string): Promise<string[]> =>
  ((await here(node, network))?.members ?? []).map(({ address }) => `hv${address.split(":")[3]}`);

const others = (node: string): string[] => HYPERVISORS.filter((name) => name !== node);

async function allKnown(): Promise<boolean> {
  const lists = await Promise.all(HYPERVISORS.map((node) => membersAt(node)));
  return HYPERVISORS.every((node, i) => `${lists[i]}` === `${others(node)}`);
}

/** As `source from to …`, the source and ports by who is there. */
const PORTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  leaf1: { eth1: "hv1", eth2: "hv2", eth3: "leaf2" },
  leaf2: { eth1: "hv3", eth2: "leaf1" },
};

async function treesAt(node: string): Promise<string[]> {
  const { routes } = await segments(node);
  const names = PORTS[node]!;
  return routes
    .filter(({ group }) => group === GROUP)
    .map(({ source, from, to }) => `hv${source.split(":")[3]}: ${names[from]} to ${to.map((port) => names[port])}`)
    .sort();
}

test("Hypervisors with VMs on a segment know of one another, and of nobody else's", async () => {
  await lab.until("all know all", allKnown);
  expect(await membersAt("hv3", "red/prod")).toEqual([]);
  for (const node of HYPERVISORS) {
    const { rendezvous } = (await here(node))!;
    expect(rendezvous).toHaveLength(2);
    await lab.until(`${node} is registered at both`, async () =>
      (await here(node))!.rendezvous.every(({ state }) => state === "here" || state === "registered"),
    );
  }
  const registered = await Promise.all(HYPERVISORS.map(async (node) => (await segments(node)).segments));
  const known = registered.flat().filter((one) => one.network === "blue/prod" && one.registered !== null);
  expect(known.map((one) => one.registered!.length)).toEqual([3, 3]);
});

test("Switches grow a tree from each member to all others, and from nobody to nobody", async () => {
  await lab.until("leaf1 has three trees", async () => (await treesAt("leaf1")).length === 3);
  await lab.until("leaf2 has three trees", async () => (await treesAt("leaf2")).length === 3);
  expect(await treesAt("leaf1")).toEqual(["hv1: hv1 to hv2,leaf2", "hv2: hv2 to hv1,leaf2", "hv3: leaf2 to hv1,hv2"]);
  expect(await treesAt("leaf2")).toEqual(["hv1: leaf1 to hv3", "hv2: leaf1 to hv3", "hv3: hv3 to leaf1"]);
  await lab.until("frames go by multicast", async () => (await here("hv1"))!.replication.now === "multicast");
});

test("A VM that is expected makes its hypervisor a member at once; one that leaves makes it none", async () => {
  await api(lab, "hv2", "POST", "vm/b/detach");
  await lab.until("hv1 knows hv3 alone", async () => `${await membersAt("hv1")}` === "hv3");
  await lab.until("leaf1 has two trees", async () => (await treesAt("leaf1")).length === 2);
  const definition = { name: "b", network: "blue/prod", address: B, interface: "b" };
  await api(lab, "hv2", "POST", "vm/prepare", definition);
  await lab.until("all know all", allKnown);
  expect((await here("hv2"))!.vms).toMatchObject([{ vm: "b", state: "prepared", groups: "all" }]);
  await api(lab, "hv2", "POST", "vm/b/activate");
  await lab.until("b is active", async () => (await here("hv2"))!.vms[0]!.state === "active");
});

test("Once VMs have been asked what they listen to, other hypervisors know it", async () => {
  await lab.until("nobody wants all any more", async () =>
    (await here("hv1"))!.members.every(({ groups }) => groups.length === 0),
  );
});

test("A hypervisor that dies is forgotten when its lifetime ends, and is back at once when it is", async () => {
  const { pid } = await lab.show("hv3", "status");
  process.kill(pid, "SIGKILL");
  await lab.until("hv1 has forgotten hv3", async () => `${await membersAt("hv1")}` === "hv2", 45);
  expect(await membersAt("hv2")).toEqual(["hv1"]);
  await lab.up(readFileSync(`${lab.folder}/lab.clab.yml`, "utf8").split("topology:\n")[1]!);
  await lab.until("all know all", allKnown, 20);
});
