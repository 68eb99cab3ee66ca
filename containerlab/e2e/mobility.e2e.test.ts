/**
 * VMs away from home (paper §2.3), end to end: by the home first, then directly; what a home's death takes with it; what
 * forgers get. Moves are containerlab/e2e/mobility's.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { formatIpv6, parseIpv4, parseIpv6, parseMac } from "#base/address";
import { toHex } from "#base/bytes";
import { call } from "#cli/client";
import { sign } from "#pmip/packet/authentication";
import { authenticators } from "#pmip/packet/mac";
import { writeMobility } from "#pmip/packet/mobility";
import { UPDATE_ACKNOWLEDGE, UPDATE_PROXY } from "#pmip/packet/numbers";
import { timestampAt } from "#pmip/packet/timestamp";
import { networkAddress } from "#policy/homes";
import type { BindingRole } from "#router/mobility/views";
import type { RegisteredVmView } from "#router/vms/views";
import { inNamespace } from "#sys/namespace";
import * as ethernet from "#wire/ethernet";
import * as gre from "#wire/gre";
import * as icmp6 from "#wire/icmp6";
import * as ipv6 from "#wire/ipv6";
import { readPcap } from "#wire/pcap";
import { PROTOCOL_GRE, PROTOCOL_ICMP6, PROTOCOL_MOBILITY } from "#wire/protocol";
import { addressesAt, BLUE, fabricYaml, hypervisorYaml, switchYaml, TestLab } from "./test-lab";

setDefaultTimeout(90_000);
const lab = new TestLab("mo");

/** Of VMs whose home is hv3: a runs at hv1, b at hv2, c at home. */
const [A, B, C] = addressesAt(3, 2, BLUE, 3) as [string, string, string];
const HV = (index: number): string => `2001:db8:a1:${index}::1`;
const KEY = { spi: 1000, secret: "well kept" };

const ROUTERS = ["hv1", "hv2", "hv3"] as const;

const key = (spi: number, secret: string): string => `{ id: ${spi}, secret: ${secret} }`;
const fabric = (auth: string): string => `${fabricYaml(3)}mobility:
  auth: { ${auth} }
  heartbeat: 1s
`;
const ONE_KEY = `keys: [${key(KEY.spi, KEY.secret)}]`;

const topology = `  nodes:
${["sw", "hv1", "hv2", "hv3"].map((name) => `    ${name}: { kind: linux, labels: { ain-role: router, ain-config: ${name}.yaml } }`).join("\n")}
    evil: { kind: linux }
${[
  ["a", A],
  ["b", B],
  ["c", C],
]
  .map(
    ([name, address]) =>
      `    ${name}: { kind: linux, labels: { ain-role: vm, ain-address: ${address}/32, ain-gateway: 10.0.0.1 } }`,
  )
  .join("\n")}
  links:
${[1, 2, 3].map((i) => `    - { endpoints: ["sw:eth${i}", "hv${i}:eth1"], mtu: 1500 }`).join("\n")}
    - { endpoints: ["sw:eth4", "evil:eth1"], mtu: 1500 }
${["a", "b", "c"].map((name, i) => `    - { endpoints: ["hv${i + 1}:${name}", "${name}:eth1"], mtu: 1500 }`).join("\n")}
`;

beforeAll(async () => {
  lab.write("fabric.yaml", fabric(ONE_KEY));
  lab.write("sw.yaml", switchYaml(3).replace("{ interface: eth3 }]", "{ interface: eth3 }, { interface: eth4 }]"));
  for (const [i, [name, address]] of [
    ["a", A],
    ["b", B],
    ["c", C],
  ].entries()) {
    const vm = `{ name: ${name}, network: blue/prod, address: ${address}, interface: ${name} }`;
    lab.write(`hv${i + 1}.yaml`, hypervisorYaml({ index: i + 1, vms: [vm] }));
  }
  await lab.up(topology);
});
afterAll(() => lab.down());

// ---- what passes the switch ----

interface Seen {
  readonly kind: "native" | "tunnelled" | "signalling" | "other";
  /** Of the outer header. */
  readonly from: string;
  readonly to: string;
}

/** What a hypervisor sends into the fabric, seen where it comes into the switch. */
class Capture {
  readonly file: string;
  readonly #process: ChildProcess;

  private constructor(file: string, process: ChildProcess) {
    this.file = file;
    this.#process = process;
  }

  static async of(hypervisor: number, name: string): Promise<Capture> {
    const file = join(lab.folder, `${name}.pcap`);
    const words = ["-n", "-U", "-Q", "in", "-i", `eth${hypervisor}`, "-B", "4096", "-w", file, "ip6"];
    const child = inNamespace(lab.namespace("sw"), () =>
      spawn("tcpdump", words, { stdio: ["ignore", "ignore", "pipe"] }),
    );
    await once(child.stderr!, "data");
    return new Capture(file, child);
  }

  async stop(): Promise<Seen[]> {
    await Bun.sleep(200);
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGINT");
    await ended;
    return readPcap(readFileSync(this.file)).frames.map(({ octets }) => seen(octets));
  }
}

function seen(frame: Uint8Array): Seen {
  const at = ethernet.SIZE;
  const ends = { from: formatIpv6(ipv6.source(frame, at)), to: formatIpv6(ipv6.destination(frame, at)) };
  switch (ipv6.nextHeader(frame, at)) {
    case PROTOCOL_GRE:
      return { kind: "tunnelled", ...ends };
    case PROTOCOL_MOBILITY:
      return { kind: "signalling", ...ends };
    case PROTOCOL_ICMP6: {
      const type = icmp6.type(frame, at + ipv6.SIZE);
      return { kind: type === icmp6.ECHO_REQUEST || type === icmp6.ECHO_REPLY ? "native" : "other", ...ends };
    }
    default:
      return { kind: "other", ...ends };
  }
}

const data = (all: readonly Seen[]): Seen[] => all.filter(({ kind }) => kind === "native" || kind === "tunnelled");

const roles = async (node: string, role: BindingRole): Promise<string[]> =>
  (await lab.show(node, "bindings")).bindings
    .filter((binding) => binding.role === role)
    .map(({ address, peer, state }) => `${address} ${peer?.address ?? "-"} ${state}`)
    .sort();

const registered = async (): Promise<boolean> => (await roles("hv3", "home")).length === 2;

const countersOf = async (node: string): Promise<Map<string, number>> =>
  new Map((await lab.show(node, "mobility")).counters.map(({ name, count }) => [name, count]));

/** Of messages that are not proven to be whose they say. */
const REFUSED = /auth|sign|key|spi/i;

const received = (text: string): number => Number(/(\d+) received/.exec(text)?.[1] ?? -1);

describe("two VMs away from home", () => {
  test("are registered there by the hypervisors that have them; one at home needs no message", async () => {
    await lab.until("both are registered", registered, 20);
    expect(await roles("hv3", "home")).toEqual([`${A} ${HV(1)} bound`, `${B} ${HV(2)} bound`].sort());
    expect((await roles("hv1", "attached")).length).toBe(1);
    expect(await roles("hv3", "attached")).toEqual([]);
  });

  test("reach one another from the first packet on: by the home, then directly, and never by the home again", async () => {
    const captures = await Promise.all([1, 2, 3].map((i) => Capture.of(i, `first${i}`)));
    const ping = lab.run("a", `ping -c 40 -i 0.05 -W 1 ${B}`);
    expect(received(ping.text), ping.text).toBe(40);
    const [one, two, home] = (await Promise.all(captures.map((each) => each.stop()))).map(data);
    expect(one![0]).toEqual({ kind: "native", from: expect.stringMatching(/^2001:db8:a1:3:/), to: expect.anything() });
    expect(one!.at(-1)).toEqual({ kind: "tunnelled", from: HV(1), to: HV(2) });
    expect(two!.at(-1)).toEqual({ kind: "tunnelled", from: HV(2), to: HV(1) });
    // The answer comes within one round trip: of packets 50 ms apart the second goes directly.
    expect(one!.filter(({ kind }) => kind === "native").length).toBeLessThanOrEqual(2);
    expect(home!.length).toBeLessThanOrEqual(4);
    expect(home!.every(({ kind, from }) => kind === "tunnelled" && from === HV(3))).toBe(true);

    const again = await Promise.all([1, 2, 3].map((i) => Capture.of(i, `again${i}`)));
    const second = lab.run("a", `ping -c 20 -i 0.02 -W 1 ${B}`);
    expect(received(second.text), second.text).toBe(20);
    const [there, back, none] = (await Promise.all(again.map((each) => each.stop()))).map(data);
    expect(none).toEqual([]);
    expect(there!.every(({ kind, to }) => kind === "tunnelled" && to === HV(2))).toBe(true);
    expect(back!.every(({ kind, to }) => kind === "tunnelled" && to === HV(1))).toBe(true);
  });

  test("and one at home: to it native, from it by a tunnel", async () => {
    const capture = await Capture.of(3, "home");
    expect(received(lab.run("a", `ping -c 5 -i 0.05 -W 1 ${C}`).text)).toBe(5);
    const from = data(await capture.stop());
    expect(from.every(({ kind, to }) => kind === "tunnelled" && to === HV(1))).toBe(true);
    const { shares } = await lab.show("hv1", "tunnels");
    expect(shares.native).toBeGreaterThan(0);
  });

  test("carry full-sized packets: TCP's MSS and path MTUs account for the tunnel", async () => {
    const ping = lab.run("a", `ping -c 2 -M do -s 1404 -W 1 ${B}`); // 1432 octets
    expect(received(ping.text), ping.text).toBe(2);
    const tooBig = lab.run("a", `ping -c 1 -M do -s 1405 -W 1 ${B}`);
    expect(tooBig.text).toMatch(/mtu ?= ?1432/);
    expect(received(lab.run("a", `ping -c 2 -M dont -s 4000 -W 1 ${B}`).text)).toBe(2);
  });

  test("show at each router what it knows, in which role, and how packets went", async () => {
    expect(await roles("hv1", "correspondent")).toContain(`${B} ${HV(2)} direct`);
    const { tunnels, shares } = await lab.show("hv1", "tunnels");
    const tunnel = tunnels.find(({ end }) => end.address === HV(2))!;
    expect(tunnel.packets).toBeGreaterThan(50);
    expect(tunnel.users).toBeGreaterThan(0);
    expect(shares.direct).toBeGreaterThan(50);
    const { shares: atHome } = await lab.show("hv3", "tunnels");
    expect(atHome.relayed).toBeLessThan(10);
    const { peers, sendKey, keys } = await lab.show("hv1", "mobility");
    expect({ sendKey, keys }).toEqual({ sendKey: KEY.spi, keys: [KEY.spi] });
    await lab.until("the home answers heartbeats", async () =>
      (await lab.show("hv1", "mobility")).peers.some(({ address, answers }) => address === HV(3) && answers),
    );
    expect(peers.length).toBeGreaterThan(0);
  });

  test("signal by messages that tshark dissects without complaint", async () => {
    const complaints: string[] = [];
    const types = new Set<string>();
    for (const name of ["first1", "first2", "first3"]) {
      const file = join(lab.folder, `${name}.pcap`);
      const fields = ["-T", "fields", "-e", "mip6.mhtype", "-e", "_ws.malformed", "-e", "_ws.expert.message"];
      const { stdout } = spawnSync("tshark", ["-n", "-r", file, "-Y", "mipv6", ...fields], { encoding: "utf8" });
      for (const line of stdout.split("\n").filter(Boolean)) {
        const [type = "", malformed = "", expert = ""] = line.split("\t");
        types.add(type);
        // tshark 4.0 reads RFC 6705's messages (17, 18) at the wrong place, and says so of ours.
        if (malformed + expert !== "" && !["17", "18"].includes(type)) complaints.push(line);
      }
    }
    expect(complaints).toEqual([]);
    for (const type of ["5", "6", "17", "18"]) expect([...types]).toContain(type);
  });
});

describe("keys", () => {
  const reload = async (auth: string): Promise<void> => {
    lab.write("fabric.yaml", fabric(auth));
    for (const router of ROUTERS) await call(lab.socket(router), "POST", "reload");
  };
  const refused = async (): Promise<number> => {
    const counters = (await Promise.all(ROUTERS.map((router) => lab.show(router, "mobility")))).flatMap(
      (view) => view.counters,
    );
    return counters.filter(({ name }) => REFUSED.test(name)).reduce((sum, { count }) => sum + count, 0);
  };

  test("are changed without a gap: the new one everywhere, then it is sent with, then the old one goes", async () => {
    const before = await refused();
    const heard = async (): Promise<number> => (await countersOf("hv3")).get("messages received")!;
    const [old, fresh] = [key(KEY.spi, KEY.secret), key(1001, "brand new")];
    for (const auth of [`keys: [${old}, ${fresh}]`, `keys: [${old}, ${fresh}], send: 1001`, `keys: [${fresh}]`]) {
      await reload(auth);
      const since = await heard();
      await lab.until("heartbeats go on", async () => (await heard()) > since + 3);
    }
    expect(await refused()).toBe(before);
    expect(await lab.show("hv2", "mobility")).toMatchObject({ sendKey: 1001, keys: [1001] });
    expect(await registered()).toBe(true);
    await reload(`keys: [${fresh}, ${old}]`);
    await reload(`keys: [${old}, ${fresh}]`);
    await reload(ONE_KEY);
  });
});

describe("a home that dies", () => {
  test("takes no packet of those that have found one another with it, and knows them again once it is back", async () => {
    expect(received(lab.run("a", `ping -c 2 -i 0.2 -W 1 ${B}`).text)).toBe(2);
    const { pid } = await lab.show("hv3", "status");
    const before = (await lab.show("hv1", "mobility")).peers.find(({ address }) => address === HV(3))!;
    process.kill(pid, "SIGKILL");
    const down = lab.run("a", `ping -c 40 -i 0.05 -W 1 ${B}`);
    expect(received(down.text), down.text).toBe(40);
    await lab.up(topology); // starts what is not there
    await lab.until("both are registered again", registered, 30);
    const after = (await lab.show("hv1", "mobility")).peers.find(({ address }) => address === HV(3))!;
    expect(after.restarts).toBeGreaterThan(before.restarts!);
    expect(received(lab.run("a", `ping -c 5 -i 0.05 -W 1 ${B}`).text)).toBe(5);
  });
});

describe("a hypervisor that dies", () => {
  const kill = async (node: string): Promise<void> => {
    const { pid } = await lab.show(node, "status");
    process.kill(pid, "SIGKILL");
    await lab.until("it is gone", () => !existsSync(`/proc/${pid}`));
  };

  test("registers its VMs again when it is back, as what they were", async () => {
    const claims = () => JSON.parse(readFileSync(lab.socket("hv1").replace(/sock$/, "claims"), "utf8"));
    const before = claims();
    await kill("hv1");
    await lab.up(topology);
    await lab.until("the VM is reached again", () => received(lab.run("b", `ping -c 1 -W 1 ${A}`).text) === 1, 30);
    expect(Object.keys(before)).toEqual(["a"]);
    expect(claims()).toEqual(before);
  });

  test("and slept through a VM's departure does not call it back: another has it since", async () => {
    await kill("hv1");
    const definition = { name: "a", network: "blue/prod", address: A, tap: "a2" };
    await call(lab.socket("hv2"), "POST", "vm/attach", definition);
    await lab.until("the home knows", async () => (await roles("hv3", "home")).includes(`${A} ${HV(2)} bound`));
    await lab.up(topology);
    const stateAt = async (node: string): Promise<string | undefined> =>
      ((await call(lab.socket(node), "GET", "vm")) as RegisteredVmView[]).find(({ name }) => name === "a")?.state;
    await lab.until("the first one lets go", async () => (await stateAt("hv1")) === "away");
    expect(await stateAt("hv2")).toBe("active");
    expect(await roles("hv3", "home")).toContain(`${A} ${HV(2)} bound`);
  });

  test("gets it back by an operator's word, and the other one is told", async () => {
    await call(lab.socket("hv1"), "POST", "vm/a/attach");
    await lab.until("it is reached there again", () => received(lab.run("b", `ping -c 1 -W 1 ${A}`).text) === 1);
    expect(await roles("hv3", "home")).toContain(`${A} ${HV(1)} bound`);
    const { flights } = await lab.show("hv2", "flights");
    expect(flights[0]).toMatchObject({ vm: "a", side: "source", outcome: "done" });
  });
});

// ---- forgers ----

/** Sends an IPv6 packet into the switch. */
async function inject(source: string, destination: string, protocol: number, payload: Uint8Array): Promise<void> {
  const mac = (await lab.show("sw", "ports")).find(({ name }) => name === "eth4")!.mac!;
  const packet = new Uint8Array(ipv6.SIZE + payload.length);
  const fields = { payloadLength: payload.length, nextHeader: protocol, hopLimit: 64 };
  ipv6.write(packet, 0, { ...fields, source: parseIpv6(source)!, destination: parseIpv6(destination)! });
  packet.set(payload, ipv6.SIZE);
  const from = parseMac("02:00:00:00:66:66")!;
  lab.send("evil", [ethernet.frame(parseMac(mac)!, from, ethernet.ETHERTYPE_IPV6, packet)]);
}

/** hv2 claims a VM that hv1 has, in a message with a time that could be right. */
function forged(secret?: string): Uint8Array {
  const home = parseIpv6("2001:db8:a1:3::")!;
  const path = { source: parseIpv6(HV(2))!, destination: parseIpv6(HV(3))! };
  const update = writeMobility(
    {
      ...{ type: "binding-update", sequence: 1, flags: UPDATE_ACKNOWLEDGE | UPDATE_PROXY, lifetime: 75 },
      options: {
        mobileNode: `00000000000000000000ffff${toHex(parseIpv4(A)!)}@${BLUE.toString(16).padStart(8, "0")}.ain`,
        homeNetworkPrefixes: [{ address: networkAddress(home, BLUE, parseIpv4(A)!), length: 128 }],
        ...{ handoff: 3, accessTechnology: 1, timestamp: timestampAt(Date.now()), greKey: BLUE },
      },
    },
    path.source,
    path.destination,
  );
  if (secret === undefined) return update;
  const key = new TextEncoder().encode(secret);
  const covered = { ...path, careOf: path.source, home: path.destination };
  return sign(update, covered, KEY.spi, authenticators([{ spi: KEY.spi, algorithm: "hmac-sha-256-128", key }]));
}

describe("a forger in the fabric", () => {
  for (const [title, secret] of [
    ["that signs nothing", undefined],
    ["that signs with another key", "guessed"],
  ] as const) {
    test(`${title} is refused, counted, and changes nothing (RFC 4285 §6)`, async () => {
      const before = await countersOf("hv3");
      const bindings = await roles("hv3", "home");
      await inject(HV(2), HV(3), PROTOCOL_MOBILITY, forged(secret));
      await lab.until("it is counted", async () => {
        const after = await countersOf("hv3");
        return [...after].some(([name, count]) => REFUSED.test(name) && count > (before.get(name) ?? 0));
      });
      expect(await roles("hv3", "home")).toEqual(bindings);
      expect(received(lab.run("b", `ping -c 3 -i 0.05 -W 1 ${A}`).text)).toBe(3);
    });
  }

  test("with cut-off messages, and messages behind headers, is refused and counted", async () => {
    const whole = forged(KEY.secret);
    const sum = async (): Promise<number> => [...(await countersOf("hv3")).values()].reduce((a, b) => a + b, 0);
    const before = await sum();
    for (const length of [0, 1, 5, 6, 11, whole.length - 1])
      await inject(HV(2), HV(3), PROTOCOL_MOBILITY, whole.subarray(0, length));
    await lab.until("all are counted", async () => (await sum()) >= before + 6);
    expect(await registered()).toBe(true);
  });

  test("whose tunnel packets are from no hypervisor's address, or have another's key, reaches nobody", async () => {
    const home = parseIpv6("2001:db8:a1:3::")!;
    const inner = new Uint8Array(ipv6.SIZE + icmp6.SIZE);
    ipv6.write(inner, 0, {
      ...{ payloadLength: icmp6.SIZE, nextHeader: PROTOCOL_ICMP6, hopLimit: 64 },
      source: networkAddress(home, BLUE, parseIpv4(A)!),
      destination: networkAddress(home, BLUE, parseIpv4(B)!),
    });
    icmp6.setType(inner, ipv6.SIZE, icmp6.ECHO_REQUEST);
    icmp6.writeChecksum(inner, 0, ipv6.SIZE, inner.length);
    const tunnelled = (key: number): Uint8Array => {
      const octets = new Uint8Array(8 + inner.length);
      gre.write(octets, 0, { protocolType: ethernet.ETHERTYPE_IPV6, key });
      octets.set(inner, 8);
      return octets;
    };
    const delivered = async (): Promise<number> =>
      (await lab.show("hv2", "ports")).find(({ name }) => name === "b")!.txFrames;
    await Bun.sleep(300); // no ping's answer is on its way
    const before = await delivered();
    // From outside the fabric, and from a VM's address: no hypervisor's, whoever sends it.
    await inject("2001:db8:bad::1", HV(2), PROTOCOL_GRE, tunnelled(BLUE));
    await inject(formatIpv6(networkAddress(home, BLUE, parseIpv4(C)!)), HV(2), PROTOCOL_GRE, tunnelled(BLUE));
    await lab.until("the source is refused", async () => (await lab.counted("hv2", "eth1", "tunnel-source")) === 2);
    await inject(HV(1), HV(2), PROTOCOL_GRE, tunnelled(BLUE + 1));
    await lab.until("the key is refused", async () => (await lab.counted("hv2", "eth1", "tunnel-key")) === 1);
    expect(await delivered()).toBe(before);
  });

  test("who says that tunnels are narrow is believed down to what IPv6 needs inside (RFC 8201 §4)", async () => {
    const told = async (mtu: number): Promise<void> => {
      const message = new Uint8Array(icmp6.SIZE + ipv6.SIZE);
      icmp6.setType(message, 0, icmp6.PACKET_TOO_BIG);
      icmp6.setMtu(message, 0, mtu);
      ipv6.write(message, icmp6.SIZE, {
        ...{ payloadLength: 1460, nextHeader: PROTOCOL_GRE, hopLimit: 60 },
        ...{ source: parseIpv6(HV(1))!, destination: parseIpv6(HV(2))! },
      });
      const packet = new Uint8Array(ipv6.SIZE + message.length);
      ipv6.write(packet, 0, {
        ...{ payloadLength: message.length, nextHeader: PROTOCOL_ICMP6, hopLimit: 64 },
        ...{ source: parseIpv6("2001:db8:a1:ff::1")!, destination: parseIpv6(HV(1))! },
      });
      packet.set(message, ipv6.SIZE);
      icmp6.writeChecksum(packet, 0, ipv6.SIZE, packet.length);
      await inject("2001:db8:a1:ff::1", HV(1), PROTOCOL_ICMP6, packet.subarray(ipv6.SIZE));
    };
    const tunnel = async () => (await lab.show("hv1", "tunnels")).tunnels.find(({ end }) => end.address === HV(2))!;
    await told(1400);
    await lab.until("it is believed", async () => (await tunnel()).mtu === 1400);
    expect(lab.run("a", `ping -c 1 -M do -s 1404 -W 1 ${B}`).text).toMatch(/mtu ?= ?1332/);
    await told(68);
    await lab.until("not more than needed", async () => (await tunnel()).mtu === 1328);
    expect((await tunnel()).tooBig).toBe(2);
    expect(received(lab.run("a", `ping -c 2 -M dont -s 3000 -W 1 ${B}`).text)).toBe(2);
  });
});
