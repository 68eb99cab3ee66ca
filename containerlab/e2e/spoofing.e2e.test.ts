/** A hostile VM, with scapy inside: nothing that it sends under false colours gets through, each counted under its own reason. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { inNamespace } from "#sys/namespace";
import { build, GATEWAYS, named } from "./tenants/world";
import { TestLab } from "./test-lab";

setDefaultTimeout(90_000);
const lab = new TestLab("sp");
const ATTACKS = fileURLToPath(new URL("tenants/attacks.py", import.meta.url));
/** Debian's, for which python3-scapy is. */
const PYTHON = "/usr/bin/python3";
const GATEWAY_MAC = "02:41:49:4e:00:01";

/** What is tried, and how it ends. */
const ENDS: Readonly<Record<string, string>> = {
  "source address": "spoofed-source",
  "source outside": "spoofed-source",
  "source mac": "spoofed-mac",
  "arp claim": "spoofed-source",
  "arp mac": "spoofed-mac",
  "arp for the gateway": "spoofed-source",
  "nd claim": "vm-ipv6",
  "rogue ra": "vm-ipv6",
  "rogue dhcp": "rogue-dhcp",
  "forbidden port": "no-rule",
  "forbidden port in fragments": "no-rule",
  "tiny fragment": "tiny-fragment",
  "fragment over the ports": "tiny-fragment",
  "source route": "source-routed",
  ipv6: "vm-ipv6",
  "ipv6 extension headers": "vm-ipv6",
  "gre in ipv6": "vm-ipv6",
  "ospf to its group": "vm-broadcast",
  "ospf in ipv6": "vm-ipv6",
  vlan: "unknown-ethertype",
  "past the gateway": "wrong-mac",
};

let attacker: ChildProcess;
let said = "";

beforeAll(async () => {
  await build(lab, "action: allow");
  const bp1 = named("bp1");
  await lab.until("bp1 reaches bp2", () => lab.run("bp1", `ping -c 1 -W 1 ${named("bp2").address}`).status === 0);
  const words = [bp1.address, GATEWAYS[bp1.network], GATEWAY_MAC, named("bp2").address, named("bd").address];
  attacker = inNamespace(lab.namespace("bp1"), () =>
    spawn(PYTHON, [ATTACKS, ...words], { stdio: ["pipe", "pipe", "inherit"] }),
  );
  attacker.stdout!.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await lab.until("scapy is ready", () => said.includes("ready"), 30);
});
afterAll(async () => {
  attacker?.kill("SIGKILL");
  await lab.down();
});

/** Counters of the attacker's port, punts apart: its ARP requests for the gateway come whenever they like. */
async function counts(): Promise<Record<string, number>> {
  const counters = await lab.show("hv1", "counters");
  const own = counters.filter(({ port, fate }) => port === "bp1" && fate !== "punted");
  return Object.fromEntries(own.map(({ ending, frames }) => [ending, frames]));
}

for (const [attack, ending] of Object.entries(ENDS)) {
  test(`${attack}: ${ending}`, async () => {
    const before = await counts();
    attacker.stdin!.write(`${attack}\n`);
    await lab.until("it is sent", () => said.includes(`sent ${attack}`), 20);
    await lab.until("it is counted", async () => ((await counts())[ending] ?? 0) > (before[ending] ?? 0));
    const after = await counts();
    for (const forwarded of ["to-fabric", "to-vm", "hairpin", "transit"])
      expect(after[forwarded] ?? 0, forwarded).toBe(before[forwarded] ?? 0);
  });
}
