/**
 * A VM moves from one data centre to another (paper §2.3 "Mobility Across Data Centers"): two fabrics with prefixes of their
 * own, joined by a router; nothing else than that they route each other's addresses.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { Probe } from "#lab/probe/probe";
import { reportOn } from "#lab/probe/report";
import { move, stateOf } from "./mobility/world";
import { addressesAt, BLUE, fabricYaml, hypervisorYaml, switchYaml, TestLab } from "./test-lab";

setDefaultTimeout(60_000);
const lab = new TestLab("dc");
/** At home in the first data centre, and in the second. */
const [M] = addressesAt(2, 0, BLUE, 1) as [string];
const [P] = addressesAt(2, 1, BLUE, 1) as [string];

/** The second data centre's addresses are of another prefix. */
const inTwo = (text: string): string => text.replaceAll("2001:db8:a1:2::", "2001:db8:b2:2::");

beforeAll(async () => {
  const vm = (name: string, address: string) =>
    `{ name: ${name}, network: blue/prod, address: ${address}, interface: ${name} }`;
  lab.write(
    "fabric.yaml",
    inTwo(fabricYaml(2)).replace('["2001:db8:a1::/48"]', '["2001:db8:a1::/48", "2001:db8:b2::/48"]'),
  );
  lab.write("sw.yaml", inTwo(switchYaml(2)));
  lab.write("hv1.yaml", hypervisorYaml({ index: 1, vms: [vm("m", M)] }));
  lab.write("hv2.yaml", inTwo(hypervisorYaml({ index: 2, vms: [vm("p", P)] })));
  const router = (name: string) =>
    `    ${name}: { kind: linux, labels: { ain-role: router, ain-config: ${name}.yaml } }`;
  const labels = (address: string) => `ain-role: vm, ain-address: ${address}/32, ain-gateway: 10.0.0.1`;
  await lab.up(`  nodes:
${["sw", "hv1", "hv2"].map(router).join("\n")}
    m: { kind: linux, labels: { ${labels(M)}, ain-moves: "true", ain-mac: "02:00:00:00:00:0a", ain-interface: eth1 } }
    p: { kind: linux, labels: { ${labels(P)} } }
  links:
    - { endpoints: ["sw:eth1", "hv1:eth1"], mtu: 1600 }
    - { endpoints: ["sw:eth2", "hv2:eth1"], mtu: 1600 }
    - { endpoints: ["hv1:m", "m:hv1"], mtu: 1500 }
    - { endpoints: ["hv2:m", "m:hv2"], mtu: 1500 }
    - { endpoints: ["hv2:p", "p:eth1"], mtu: 1500 }
`);
  await lab.until("they reach one another", () => lab.run("m", `ping -c 1 -W 1 ${P}`).status === 0);
});
afterAll(() => lab.down());

test("it goes there and comes back under 1000 datagrams a second both ways, keeps its address, and loses nothing", async () => {
  const ends = [
    { namespace: lab.namespace("p"), address: P, port: 7007 },
    { namespace: lab.namespace("m"), address: M, port: 7007 },
  ];
  const flows = [
    { name: "to it", from: 0, to: [1] },
    { name: "from it", from: 1, to: [0] },
  ];
  const probe = await Probe.start({ rate: 1000, size: 100, ends, flows });
  try {
    for (const to of ["hv2", "hv1"]) {
      await Bun.sleep(600);
      await move(lab, "m", to);
      expect(await stateOf(lab, to, "m")).toBe("active");
    }
    await Bun.sleep(600);
    for (const trace of await probe.stop()) expect(reportOn(trace)).toMatchObject({ lost: 0, strays: 0 });
  } finally {
    await probe.kill();
  }
});

test("away, it is bound at its home in the other data centre, and reached by a tunnel between the two", async () => {
  await move(lab, "m", "hv2");
  const { bindings } = await lab.show("hv1", "bindings");
  expect(bindings).toContainEqual(
    expect.objectContaining({
      address: M,
      role: "home",
      peer: expect.objectContaining({ address: "2001:db8:b2:2::1" }),
    }),
  );
  expect(lab.run("p", `ping -c 3 -i 0.1 -W 1 ${M}`).text).toContain("3 received");
});
