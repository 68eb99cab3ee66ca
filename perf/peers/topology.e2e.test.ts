import { afterEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { namespaceExists } from "#sys/namespace";
import type { Contestant, Running } from "./contestants/contestant";
import { direct } from "./contestants/direct";
import { kernelVxlan } from "./contestants/kernel-vxlan";
import { measureRtt, measureUdpRate, startResponder } from "./measure/udp";
import { NODES, Topology } from "./topology";

let topology: Topology | undefined;

async function up(contestant: Contestant): Promise<{ topology: Topology; running: Running }> {
  topology = new Topology({ fabricMtu: 1500, vmMtu: 1500 - contestant.overhead, vmVeth: contestant.vmVeth });
  topology.build();
  return { topology, running: await contestant.up(topology) };
}

afterEach(async () => {
  await topology?.close();
});

test("a topology carries packets while it stands, and leaves nothing behind", async () => {
  const { topology, running } = await up(kernelVxlan);
  const listening = topology.daemon("vmB", ["iperf3", "--server"]);
  expect(
    await topology.capture("vmA", ["ping", "-c", "1", "-W", "2", "-s", "1402", "-M", "do", running.vmB]),
  ).toContain("1 received");
  expect(topology.exec("vmA", ["ip", "-oneline", "link", "show", "eth0"])).toContain("mtu 1430");
  await topology.close();
  expect(NODES.filter((node) => namespaceExists(topology.namespace(node)))).toEqual([]);
  expect(existsSync(topology.directory)).toBe(false);
  expect(listening.signalCode ?? listening.exitCode).not.toBeNull();
});

test("the generators measure a direct link: echoes come back, and a modest rate passes without loss", async () => {
  const { topology, running } = await up(direct);
  await topology.capture("vmA", ["ping", "-c", "1", "-W", "2", running.vmB]);
  await startResponder(topology);
  const { rttMedian, rtt99 } = await measureRtt(topology, running, 20);
  expect(rttMedian).toBeGreaterThan(0);
  expect(rtt99).toBeGreaterThanOrEqual(rttMedian);
  const { rate, trials } = await measureUdpRate(topology, running, 0.05);
  expect(rate).toBeGreaterThan(0);
  expect(trials.some((trial) => trial.loss <= 0.001)).toBe(true);
  expect(trials.every((trial) => trial.loss >= 0 && trial.loss <= 1)).toBe(true);
});

test("what a program said last is in the error of a command, and of a daemon that ended", async () => {
  const { topology } = await up(direct);
  const command = ["sh", "-c", "echo no such luck >&2; exit 3"];
  await expect(topology.capture("vmA", command)).rejects.toThrow("no such luck");
  await topology.daemon("hvA", command).exited;
  expect(await topology.obituaries()).toEqual(["sh in hvA ended: no such luck"]);
});
