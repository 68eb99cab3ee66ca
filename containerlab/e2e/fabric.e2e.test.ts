/** Two paths, two tenants, two forwarders: ECMP, isolation and neighbours that vanish. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { parseMac } from "#base/address";
import { inNamespace } from "#sys/namespace";
import { Rtnetlink } from "#sys/rtnetlink";
import { addressesAt, BLUE, fabricYaml, hypervisorYaml, RED, switchYaml, TestLab } from "./test-lab";

setDefaultTimeout(60_000);
const lab = new TestLab("fb");
const SWITCHES = ["2001:db8:a1:fe::1", "2001:db8:a1:ff::1"] as const;

/** An address of 10.0.0.0/24 that blue has at one home and red at the other. */
const shared = (blueHome: number): string => {
  const red = new Set(addressesAt(2, 1 - blueHome, RED, 200));
  return addressesAt(2, blueHome, BLUE, 200).find((address) => red.has(address))!;
};
const [first, second] = [shared(0), shared(1)];

const hypervisor = (index: 1 | 2, blue: string, red: string): string =>
  hypervisorYaml({
    index,
    uplinks: ["eth1", "eth2"],
    nextHops: SWITCHES.map((address, i) => ({ uplink: `eth${i + 1}`, address })),
    vms: [
      `{ name: blue, network: blue/prod, address: ${blue}, interface: blue }`,
      `{ name: red, network: red/prod, address: ${red}, interface: red }`,
    ],
  }).replace("role: hypervisor", "role: hypervisor\nforwarders: 2");

beforeAll(async () => {
  lab.write("fabric.yaml", fabricYaml(2));
  lab.write("sw1.yaml", switchYaml(2, SWITCHES[0], "sw1"));
  lab.write("sw2.yaml", switchYaml(2, SWITCHES[1], "sw2"));
  lab.write("hv1.yaml", hypervisor(1, first, second));
  lab.write("hv2.yaml", hypervisor(2, second, first));
  const vm = (name: string, address: string): string =>
    `    ${name}: { kind: linux, labels: { ain-role: vm, ain-address: ${address}/32, ain-gateway: 10.0.0.1 } }`;
  const router = (name: string): string =>
    `    ${name}: { kind: linux, labels: { ain-role: router, ain-config: ${name}.yaml } }`;
  await lab.up(`  nodes:
${["sw1", "sw2", "hv1", "hv2"].map(router).join("\n")}
${vm("blue1", first)}
${vm("blue2", second)}
${vm("red1", second)}
${vm("red2", first)}
  links:
    - { endpoints: ["sw1:eth1", "hv1:eth1"], mtu: 1500 }
    - { endpoints: ["sw1:eth2", "hv2:eth1"], mtu: 1500 }
    - { endpoints: ["sw2:eth1", "hv1:eth2"], mtu: 1500 }
    - { endpoints: ["sw2:eth2", "hv2:eth2"], mtu: 1500 }
    - { endpoints: ["hv1:blue", "blue1:eth1"], mtu: 1500 }
    - { endpoints: ["hv1:red", "red1:eth1"], mtu: 1500 }
    - { endpoints: ["hv2:blue", "blue2:eth1"], mtu: 1500 }
    - { endpoints: ["hv2:red", "red2:eth1"], mtu: 1500 }
`);
  await lab.until("both tenants' VMs reach each other", () =>
    [lab.run("blue1", `ping -c 1 -W 1 ${second}`), lab.run("red1", `ping -c 1 -W 1 ${first}`)].every(
      ({ status }) => status === 0,
    ),
  );
});
afterAll(() => lab.down());

const txFrames = async (node: string, port: string): Promise<number> =>
  (await lab.show(node, "ports")).find(({ name }) => name === port)!.txFrames;

/** Sends a datagram in each of `flows` flows; that nobody listens there is told and does not matter. */
async function spray(flows: number): Promise<void> {
  const socket = await inNamespace(lab.namespace("blue1"), () =>
    Bun.udpSocket({ hostname: first, socket: { error: () => {} } }),
  );
  for (let i = 0; i < flows; i++) {
    try {
      socket.send("x", 20_000 + i, second);
    } catch {
      // The router's "host unreachable" for an earlier one.
    }
  }
  await Bun.sleep(100);
  socket.close();
}

describe("isolation", () => {
  test("the same two addresses in two tenants do not mix: each VM hears its own tenant only (paper §2.1)", async () => {
    const before = { blue: await txFrames("hv2", "blue"), red: await txFrames("hv2", "red") };
    lab.run("blue1", `ping -c 20 -i 0.01 -W 1 ${second}`);
    const blue = (await txFrames("hv2", "blue")) - before.blue;
    const red = (await txFrames("hv2", "red")) - before.red;
    expect(blue).toBeGreaterThanOrEqual(20);
    expect(red).toBeLessThan(5); // an ARP request of the gateway's may come
    expect(lab.run("blue1", `ping -c 1 -W 1 ${first}`).status).toBe(0); // itself, not red's
  });
});

describe("two uplinks", () => {
  test("both carry flows (ECMP), with two forwarders on every port", async () => {
    const before = [await txFrames("hv1", "eth1"), await txFrames("hv1", "eth2")] as const;
    await spray(200);
    const sent = [(await txFrames("hv1", "eth1")) - before[0], (await txFrames("hv1", "eth2")) - before[1]];
    expect(Math.min(...sent), `${sent}`).toBeGreaterThan(30);
    expect((await lab.show("hv1", "status")).forwarders.length).toBe(2);
  });

  test("a neighbour's new MAC address is followed (RFC 4861 §7.3)", async () => {
    // Not listed at all between the loss of carrier and its return, when both are noticed apart.
    const macOf = async (): Promise<string | null> =>
      (await lab.show("hv1", "neighbors")).find((n) => n.port === "eth1" && n.address === SWITCHES[0])?.mac ?? null;
    expect(await macOf()).not.toBeNull();
    const netlink = new Rtnetlink(lab.namespace("sw1"));
    const link = netlink.requireLink("eth1");
    netlink.changeLink(link.index, { up: false });
    netlink.changeLink(link.index, { mac: parseMac("02:00:00:00:77:01")!, up: true });
    netlink.close();
    await lab.until("the new address is known", async () => (await macOf()) === "02:00:00:00:77:01");
    await lab.until("all flows pass", () => lab.run("blue1", `ping -c 5 -i 0.05 -W 1 ${second}`).status === 0);
  });

  test("a neighbour behind a dead link is given up, its flows take the other path, and it is taken back", async () => {
    lab.run("sw2", "ip link set eth1 down"); // hv1's own end stays up and loses its carrier
    const state = async (): Promise<string> =>
      (await lab.show("hv1", "neighbors")).find((n) => n.port === "eth2" && n.address === SWITCHES[1])?.state ?? "gone";
    const end = Date.now() + 40_000;
    while (!["failed", "gone"].includes(await state()) && Date.now() < end) {
      await spray(20);
      await Bun.sleep(200);
    }
    expect(["failed", "gone"]).toContain(await state());
    await lab.until("the other path has all flows", async () => {
      const before = await lab.counted("hv1", "blue", "to-fabric");
      await spray(60);
      return (await lab.counted("hv1", "blue", "to-fabric")) - before === 60;
    });
    lab.run("sw2", "ip link set eth1 up");
    await lab.until("the neighbour is back", async () => {
      const before = await txFrames("hv1", "eth2");
      await spray(60);
      return (await txFrames("hv1", "eth2")) - before > 10;
    });
  });
});
