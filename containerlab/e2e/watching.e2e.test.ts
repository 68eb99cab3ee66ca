/**
 * What an operator sees of a router: drops with their reasons, whose they were and the frames themselves; metrics by socket and TCP;
 * the log as JSON; the log of flows.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { formatIpv6, formatMac, parseIpv4, parseIpv6, parseMac } from "#base/address";
import { call } from "#cli/client";
import { build4, build6, counting, framed, type Ip4 } from "#fastpath/testing/packet";
import { networkAddress } from "#policy/homes";
import type { DropReasonView } from "#router/drops/views";
import { type ParsedSample, parseExposition } from "#router/metrics/testing/strict-parser";
import { addressesAt, BLUE, fabricYaml, TestLab } from "./test-lab";

setDefaultTimeout(60_000);
const lab = new TestLab("wa");

const HOMES = [1, 2].map((i) => parseIpv6(`2001:db8:a1:${i}::`)!);
const [A, B, NOBODY] = addressesAt(2, 0, BLUE, 3) as [string, string, string];
const [FAR] = addressesAt(2, 1, BLUE, 1) as [string];
const A_MAC = parseMac("02:00:00:00:00:0a")!;
const GATEWAY_MAC = parseMac("02:41:49:4e:00:01")!;
const ETH1_MAC = parseMac("02:00:00:00:02:01")!;
const N_MAC = parseMac("02:00:00:00:02:02")!;
const N = "2001:db8:a1:ff::2";
const inFabric = (home: number, ipv4: string): Uint8Array => networkAddress(HOMES[home]!, BLUE, parseIpv4(ipv4)!);

const udp = (destination: number) => ({ kind: "udp", source: 5000, destination, data: counting(30) }) as const;
const ofA = (more: Partial<Ip4> = {}, mac = GATEWAY_MAC): Uint8Array =>
  framed(build4({ source: parseIpv4(A)!, destination: parseIpv4(FAR)!, upper: udp(53), ...more }), mac, A_MAC);

beforeAll(async () => {
  const flows =
    "blue: { id: 1, flowLog: { sample: 1 }, rules: [{ name: game, from: any, to: blue, protocol: udp, ports: 4000, action: allow }],";
  lab.write("fabric.yaml", fabricYaml(2).replace("blue: { id: 1,", flows));
  lab.write(
    "hv.yaml",
    `name: hv
fabric: ./fabric.yaml
role: hypervisor
prefix: "2001:db8:a1:1::/64"
uplinks: [{ interface: eth1 }]
routes: [{ to: "::/0", via: [{ uplink: eth1, nextHop: "${N}" }] }]
vms:
  - { name: a, network: blue/prod, address: ${A}, interface: a, mac: "${formatMac(A_MAC)}" }
  - { name: b, network: blue/prod, address: ${B}, interface: b }
metrics: { listen: "[::1]:9464" }
log: { format: json }
flowLog: { file: flows.jsonl }
`,
  );
  await lab.up(`  nodes:
    hv: { kind: linux, labels: { ain-role: router, ain-config: hv.yaml } }
    a: { kind: linux, exec: [sysctl -qw net.ipv6.conf.eth1.disable_ipv6=1, ip link set eth1 arp off] }
    b: { kind: linux, labels: { ain-role: vm, ain-address: ${B}/32, ain-gateway: 10.0.0.1 } }
    n: { kind: linux, exec: ["ip address add ${N}/64 dev eth1 nodad", "ip address add ${formatIpv6(inFabric(1, FAR))}/128 dev lo", "ip route add 2001:db8:a1:1::1 dev eth1", "ip route add default via 2001:db8:a1:1::1 dev eth1"] }
  links:
    - { mtu: 1500, type: veth, endpoints: [{ node: hv, interface: eth1, mac: "${formatMac(ETH1_MAC)}" }, { node: n, interface: eth1, mac: "${formatMac(N_MAC)}" }] }
    - { mtu: 1500, type: veth, endpoints: [{ node: hv, interface: a }, { node: a, interface: eth1, mac: "${formatMac(A_MAC)}" }] }
    - { endpoints: ["hv:b", "b:eth1"], mtu: 1500 }
`);
  await lab.until("b reaches the fabric", () => lab.run("b", `ping -c 1 -W 1 ${FAR}`).status === 0);
});
afterAll(() => lab.down());

const reasonOf = async (reason: string): Promise<DropReasonView | undefined> =>
  (await lab.show("hv", "drops")).reasons.find((each) => each.reason === reason);

async function scrape(accept = "text/plain"): Promise<ParsedSample[]> {
  const answer = await fetch("http://ain/metrics", { unix: lab.socket("hv"), headers: { accept } });
  const isOpen = answer.headers.get("content-type")!.startsWith("application/openmetrics-text");
  expect(isOpen).toBe(accept !== "text/plain");
  return parseExposition(await answer.text(), isOpen ? "openmetrics" : "prometheus").flatMap(({ samples }) => samples);
}

const valueIn = (samples: readonly ParsedSample[], name: string, labels: Readonly<Record<string, string>>) =>
  samples.find((each) => each.name === name && Bun.deepEquals(each.labels, labels))?.value;

/** What is sent, by whom, and how it is told. */
const CASES = [
  {
    ...{ reason: "spoofed-source", node: "a", port: "a", tenant: "blue" },
    frame: ofA({ source: parseIpv4("10.0.0.250")! }),
    packet: `udp 10.0.0.250:5000 > ${FAR}:53, 58 octets`,
  },
  {
    ...{ reason: "no-network-route", node: "a", port: "a", tenant: "blue" },
    frame: ofA({ destination: parseIpv4("192.0.2.1")! }),
    packet: `udp ${A}:5000 > 192.0.2.1:53, 58 octets`,
  },
  {
    ...{ reason: "hop-limit", node: "a", port: "a", tenant: "blue" },
    frame: ofA({ ttl: 1 }),
    packet: `udp ${A}:5000 > ${FAR}:53, 58 octets`,
  },
  {
    ...{ reason: "wrong-mac", node: "a", port: "a", tenant: "blue" },
    frame: ofA({}, parseMac("02:00:00:00:00:77")!),
    packet: `udp ${A}:5000 > ${FAR}:53, 58 octets`,
  },
  {
    ...{ reason: "no-such-vm", node: "n", port: "eth1", tenant: "blue" },
    frame: framed(
      build6({ source: inFabric(1, FAR), destination: inFabric(0, NOBODY), upper: udp(53) }),
      ETH1_MAC,
      N_MAC,
    ),
    packet: `udp blue/prod ${FAR}:5000 > blue/prod ${NOBODY}:53, 78 octets`,
  },
  {
    ...{ reason: "outside-source", node: "n", port: "eth1", tenant: "blue" },
    frame: framed(
      build6({ source: parseIpv6("2001:db8:ffff::1")!, destination: inFabric(0, B), upper: udp(53) }),
      ETH1_MAC,
      N_MAC,
    ),
    packet: `udp 2001:db8:ffff::1:5000 > blue/prod ${B}:53, 78 octets`,
  },
] as const;

describe("a frame that is dropped", () => {
  for (const { reason, node, port, tenant, frame, packet } of CASES) {
    test(`as ${reason} is counted for its port and tenant, shown, and told to Prometheus`, async () => {
      lab.send(node, [frame]);
      await lab.until(`${reason} is told`, async () => ((await reasonOf(reason))?.samples.length ?? 0) > 0);
      const told = (await reasonOf(reason))!;
      expect(told.ports.map((each) => [each.port, each.tenant, each.frames])).toEqual([[port, tenant, 1]]);
      expect(told.samples.map((each) => each.port)).toEqual([port]);
      expect(told.samples[0]!.packet.replace("[2001:db8:ffff::1]", "2001:db8:ffff::1")).toStartWith(packet);
      expect(Date.now() - told.samples[0]!.at).toBeLessThan(20_000);
      expect(valueIn(await scrape(), "ain_drops_total", { reason, port, tenant })).toBe(1);
    });
  }

  test("in a flood is counted exactly, and a few of it are shown", async () => {
    const flood = Array.from({ length: 5000 }, (_, i) => ofA({ source: parseIpv4(`10.9.${i >> 8}.${i & 255}`)! }));
    const isCounted = async (frames: number) => ((await reasonOf("spoofed-source"))?.frames ?? 0) > frames;
    for (let sent = 0; sent < flood.length; sent += 500) {
      lab.send("a", flood.slice(sent, sent + 500)); // no more than the port's ring holds
      await lab.until("all are counted", () => isCounted(sent + 500));
    }
    const told = (await reasonOf("spoofed-source"))!;
    expect([told.frames, told.samples.length]).toEqual([5001, expect.any(Number)]);
    expect(told.samples.length).toBeLessThanOrEqual(8);
    expect(told.lastMinute).toBeGreaterThan(0);
  });
});

describe("metrics", () => {
  test("are those of the ports, in both formats", async () => {
    for (const accept of ["text/plain", "application/openmetrics-text; version=1.0.0"]) {
      const samples = await scrape(accept);
      const ports = await lab.show("hv", "ports");
      const a = ports.find(({ name }) => name === "a")!;
      const labels = { port: "a", kind: "vm", tenant: "blue" };
      expect(valueIn(samples, "ain_port_receive_frames_total", labels)).toBe(a.rxFrames);
      expect(valueIn(samples, "ain_port_up", labels)).toBe(1);
      expect(valueIn(samples, "ain_port_up", { port: "eth1", kind: "uplink", tenant: "" })).toBe(1);
      expect(valueIn(samples, "ain_vms", { state: "active" })).toBe(2);
      expect(samples.find(({ name }) => name === "ain_build_info")!.labels).toMatchObject({
        node: "hv",
        role: "hypervisor",
      });
      expect(samples.filter(({ name }) => name.startsWith("ain_ospf"))).toEqual([]);
    }
  });

  test("are there by TCP too, in the router's namespace, and nothing else is", () => {
    const get = (path: string): string =>
      lab.run(
        "hv",
        `${process.execPath} -e const/**/r=await/**/fetch("http://[::1]:9464${path}");console.log(r.status,await/**/r.text())`,
      ).text;
    expect(get("/metrics")).toStartWith("200 # HELP ain_build_info");
    expect(get("/v1/show/status")).toStartWith("404 ");
  });
});

const lines = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

test("the log is JSON, a line an event, whose names stay", () => {
  const log = lines(lab.log("hv"));
  const up = log.filter(({ event }) => event === "port-up").map(({ port }) => port);
  expect(up.toSorted()).toEqual(["a", "b", "eth1", "metadata"]);
  for (const line of log)
    expect(line).toMatchObject({ time: expect.any(String), level: expect.any(String), message: expect.any(String) });
  expect(log.map(({ event }) => event)).toContain("metrics");
});

describe("the log of flows", () => {
  const flows = () => lines(readFileSync(join(lab.folder, "flows.jsonl"), "utf8"));
  const has = (wanted: Record<string, unknown>): boolean =>
    flows().some((flow) => Object.entries(wanted).every(([key, value]) => flow[key] === value));

  test("has the flows that default rules let pass, one in as many as the tenant wants", async () => {
    const ping = {
      event: "sample",
      protocol: "icmp",
      sourceAddress: B,
      destinationAddress: FAR,
      rule: "default inside blue/prod",
    };
    await lab.until("the ping is there", () => has(ping));
    expect(has({ event: "refused", vm: "a" })).toBeFalse();
  });

  test("has a connection from its begin to its end", async () => {
    lab.send(
      "a",
      Array.from({ length: 3 }, () => ofA({ upper: udp(4000), destination: parseIpv4(B)! })),
    );
    const game = {
      protocol: "udp",
      sourceAddress: A,
      sourcePort: 5000,
      destinationAddress: B,
      destinationPort: 4000,
      rule: "blue/game",
      vm: "a",
    };
    await lab.until("it has begun", () => has({ event: "begin", ...game }));
    await lab.until("it is counted", async () => (await lab.show("hv", "connections")).size > 0);
    expect(valueIn(await scrape(), "ain_flow_log_records_total", { event: "begin" })).toBe(1);
    await call(lab.socket("hv"), "POST", "stop");
    await lab.until("it has ended", () => has({ event: "end", packets: 3, octets: 3 * 58, ...game }));
  });
});
