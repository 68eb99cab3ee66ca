/**
 * A VM moves from one data centre to another (paper §2.3 "Mobility Across Data Centers"): two fabrics with prefixes of their
 * own, joined by a router; nothing else than that they route each other's addresses.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { moveUnderTraffic, twoHypervisors } from "./mobility/two";
import { move } from "./mobility/world";
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
  await lab.up(
    twoHypervisors({ address: `${M}/32`, gateway: "10.0.0.1", stay: [{ name: "p", at: "hv2", address: `${P}/32` }] }),
  );
  await lab.until("they reach one another", () => lab.run("m", `ping -c 1 -W 1 ${P}`).status === 0);
});
afterAll(() => lab.down());

test("it goes there and comes back under 1000 datagrams a second both ways, keeps its address, and loses nothing", async () => {
  const reports = await moveUnderTraffic(lab, { addresses: { m: M, p: P }, rate: 1000, to: ["hv2", "hv1"] });
  for (const report of reports) expect(report).toMatchObject({ lost: 0, strays: 0 });
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
