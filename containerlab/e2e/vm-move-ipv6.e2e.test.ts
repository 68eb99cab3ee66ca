/** A VM with an IPv6 address moves: its default router is fe80::1 at the same MAC address everywhere, and goes on being one. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { moveUnderTraffic, twoHypervisors } from "./mobility/two";
import { stateOf } from "./mobility/world";
import { fabricYaml, hypervisorYaml, switchYaml, TestLab } from "./test-lab";

setDefaultTimeout(60_000);
const lab = new TestLab("m6");
const M = "2001:db8:a1:1:0:401:0:7";
const P = "2001:db8:a1:2:0:401:0:8";

beforeAll(async () => {
  const vm = (name: string, address: string) =>
    `{ name: ${name}, network: blue/prod, ipv6: "${address}", interface: ${name} }`;
  lab.write("fabric.yaml", fabricYaml(2));
  lab.write("sw.yaml", switchYaml(2));
  lab.write("hv1.yaml", hypervisorYaml({ index: 1, vms: [vm("m", M)] }));
  lab.write("hv2.yaml", hypervisorYaml({ index: 2, vms: [vm("p", P)] }));
  await lab.up(twoHypervisors({ address: `${M}/128`, stay: [{ name: "p", at: "hv2", address: `${P}/128` }] }));
  lab.run("m", "sysctl -qw net.ipv6.conf.wire.disable_ipv6=1"); // the lab's bridge is no host
  lab.run("p", "ip -6 route replace default via fe80::1 dev eth1");
  await hearsRouter();
  await lab.until("m reaches p", pings);
});
afterAll(() => lab.down());

const pings = (): boolean => lab.run("m", `ping -6 -c 1 -W 1 ${P}`).status === 0;
/** The way out that its router has told it of. */
const way = (): string => lab.run("m", "ip -6 route show default").text;

/** It asks for routers when its link comes up, once it knows that its address is its own. */
async function hearsRouter(): Promise<void> {
  lab.run("m", "sysctl -qw net.ipv6.conf.eth1.accept_ra=2");
  lab.run("m", "ip link set eth1 down");
  lab.run("m", "ip link set eth1 up");
  lab.run("m", `ip -6 addr replace ${M}/128 dev eth1`);
  await lab.until("it hears its router", () => way().includes("via fe80::1 dev eth1 proto ra"));
}

/** The router as the VM has it: `fe80::1 dev eth1 lladdr … router REACHABLE`. */
const gateway = (): string => lab.run("m", "ip -6 neigh show fe80::1 dev eth1").text;

test("nothing is lost, and its neighbor entry for the router stays as it is (RFC 4861 §7.3)", async () => {
  const before = gateway();
  expect(before).toContain("lladdr 02:41:49:4e:00:01");
  const moved = (): void => {
    expect(gateway()).toContain("lladdr 02:41:49:4e:00:01");
    expect(way()).toContain("via fe80::1 dev eth1 proto ra"); // nobody said that it is none any more
  };
  const to = ["hv2", "hv1", "hv2"] as const;
  for (const report of await moveUnderTraffic(lab, { addresses: { m: M, p: P }, rate: 500, to, moved }))
    expect(report).toMatchObject({ lost: 0, duplicated: 0, strays: 0 });
});

test("where it is now, its router answers solicitations, advertises itself, and asks for it (RFC 4861 §6.2.6, §7.2)", async () => {
  expect([await stateOf(lab, "hv1", "m"), await stateOf(lab, "hv2", "m")]).toEqual(["away", "active"]);
  lab.run("m", "ip -6 neigh flush dev eth1");
  expect(pings()).toBe(true);
  expect(gateway()).toContain("lladdr 02:41:49:4e:00:01");
  lab.run("m", "ip -6 route del default");
  await hearsRouter();
  await lab.until("and talks", pings);
});
