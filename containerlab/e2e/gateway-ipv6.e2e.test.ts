/**
 * IPv6 straight through gateways, end to end: public addresses of the fabric's and of tenants', rules, errors, a gateway that dies.
 * Runs beside others.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { inNamespace } from "#sys/namespace";
import { BM, BP, BT, BT_ON_LINK, BT_PRIVATE, build, HOST, RP } from "./gateway/ipv6-world";
import { Peers } from "./gateway/peers";
import { TestLab } from "./test-lab";

setDefaultTimeout(90_000);
const lab = new TestLab("g6");
const peers = new Peers(lab);
const VMS = [
  ["bp", BP],
  ["bt", BT],
  ["bm", BM],
] as const;

/** Next hops of the switch for the IPv6 outside. */
const waysOut = async (): Promise<number> =>
  (await lab.show("sw", "routes")).find(({ prefix }) => prefix === "2000::/3")?.nextHops.length ?? 0;

beforeAll(async () => {
  await build(lab);
  for (const address of [BT_PRIVATE, BT_ON_LINK])
    lab.run("bt", `ip -6 addr add ${address}/128 dev eth1 nodad preferred_lft 0`);
  await Promise.all(["oh", "bp", "bt", "bm", "rp"].map((node) => peers.start(node, "serve")));
  await lab.until("the switch has two ways to the outside", async () => (await waysOut()) === 2, 30);
  for (const [vm] of VMS)
    await lab.until(`${vm} reaches the outside`, () => lab.run(vm, `ping -6 -c 1 -W 1 ${HOST}`).status === 0, 20);
});
afterAll(async () => {
  peers.end();
  await lab.down();
});

describe.each(VMS)("%s, with a public address", (vm, address) => {
  test("reaches the outside by TCP, UDP and in fragments, and is seen as it is", () => {
    expect(peers.addressTold(vm, `tcp ${HOST}`)).toBe(address);
    for (const octets of [10, 1400, 4000]) expect(peers.addressTold(vm, `udp ${HOST} ${octets}`)).toBe(address);
  });

  test("is reached from there as far as rules let it, and shows who asked", () => {
    expect(peers.addressTold("oh", `tcp ${address}`)).toBe(HOST);
    expect(lab.run("oh", `ping -6 -c 2 -i 0.2 -W 2 ${address}`)).toMatchObject({ status: 0 });
  });

  test("shows the way by traceroute, from both ends (RFC 4443 §3.3)", () => {
    const { text } = lab.run(vm, `traceroute -6 -n -q 1 -w 2 ${HOST}`);
    const hops = [...text.matchAll(/^ *\d+ +(\S+)/gm)].map((match) => match[1]);
    expect(hops.at(-1), text).toBe(HOST);
    expect(
      hops.some((hop) => /^2001:db8:a1:ff::[12]1$/.test(hop!)),
      text,
    ).toBe(true);
    const back = lab.run("oh", `traceroute -6 -n -q 1 -w 2 -I ${address}`).text;
    expect([...back.matchAll(/^ *\d+ +(\S+)/gm)].at(-1)?.[1], back).toBe(address);
    expect(back).toMatch(/2001:db8:f[12]::2/);
  });

  test("is told of a narrow link outside (RFC 8201)", () => {
    lab.run("or", "ip link set eth3 mtu 1400");
    lab.run(vm, `ping -6 -c 1 -W 2 -s 1400 -M do ${HOST}`);
    expect(lab.run(vm, `ping -6 -c 1 -W 2 -s 1400 -M do ${HOST}`).text).toMatch(/mtu[ =:]*1400/i);
    lab.run("or", "ip link set eth3 mtu 1500");
    lab.run(vm, "ip -6 route flush cache");
  });
});

test("TCP streams of super-packets pass both ways, natively and by tunnel", async () => {
  for (const [vm] of VMS) {
    for (const way of ["", " -R"]) {
      const server = inNamespace(lab.namespace("oh"), () => spawn("iperf3", ["-s", "-1"], { stdio: "ignore" }));
      peers.processes.push(server);
      await lab.until("iperf3 listens", () => lab.run("oh", "ss -ltn").text.includes(":5201"));
      const { status, text } = lab.run(vm, `iperf3 -6 -c ${HOST} -n 2M -J${way}`, 60);
      expect(status, `${vm}${way} ${text}`).toBe(0);
      if (server.exitCode === null) await once(server, "exit");
    }
  }
});

test("what is too large for the tunnel from a gateway is told to the outside: 1500 − 48 pass", () => {
  lab.run("oh", `ping -6 -c 1 -W 2 -s 1452 -M do ${BT}`);
  expect(lab.run("oh", `ping -6 -c 1 -W 2 -s 1452 -M do ${BT}`).text).toMatch(/mtu[ =:]*1452/i);
  expect(lab.run("oh", `ping -6 -c 1 -W 2 -s 1404 -M do ${BT}`)).toMatchObject({ status: 0 });
  expect(lab.run("oh", `ping -6 -c 1 -W 2 -s 1452 -M do ${BP}`)).toMatchObject({ status: 0 }); // it is at home
});

test("gateways learn where an address that a tenant brought is, as correspondents of its binding", async () => {
  const known = (await Promise.all(["gw1", "gw2"].map((gateway) => lab.show(gateway, "bindings")))).flatMap(
    ({ bindings }) => bindings,
  );
  for (const address of [BT, BM])
    expect(known).toContainEqual(expect.objectContaining({ network: "blue/web", address, role: "correspondent" }));
});

test("an address on the outside link's own subnet is reached by neighbor discovery alone (RFC 4861 §7.2.8)", () => {
  expect(peers.addressTold("or", `tcp ${BT_ON_LINK}`)).toBe("2001:db8:f1::1");
});

const outsideCount = async (ending: string): Promise<number> =>
  (await lab.counted("gw1", "out", ending)) + (await lab.counted("gw2", "out", ending));

describe("what must not pass", () => {
  test("private addresses neither leave nor are reached (paper §2.4)", async () => {
    lab.run("or", "ip -6 route add fd00:71::/48 via 2001:db8:f1::2");
    expect(lab.run("rp", `ping -6 -c 1 -W 2 ${HOST}`).text).toMatch(/unreachable|no route/i);
    expect(lab.run("bt", `ping -6 -c 1 -W 2 -I ${BT_PRIVATE} ${HOST}`).status).not.toBe(0);
    expect(await lab.counted("hv1", "bt", "private-source")).toBeGreaterThan(0);
    const before = await outsideCount("outside-stray");
    for (const address of [RP, BT_PRIVATE, "2001:db8:a1:1::1", "2001:db8:a1:ff::1"])
      expect(lab.run("oh", `ping -6 -c 1 -W 1 ${address}`).status).not.toBe(0);
    expect(await outsideCount("outside-stray")).toBe(before + 4);
  });

  test("inside sources from outside (RFC 2827)", async () => {
    for (const [source, to] of [
      [BP, BT],
      [BT, BP],
      [RP, BP],
      ["2001:db8:a1:ff::1", BP],
    ] as const) {
      const before = await outsideCount("inside-source");
      lab.run("oh", `ip -6 addr add ${source}/128 dev lo nodad`);
      lab.run("oh", `ping -6 -c 1 -W 1 -I ${source} ${to}`);
      lab.run("oh", `ip -6 addr del ${source}/128 dev lo`);
      expect(await outsideCount("inside-source"), source).toBeGreaterThan(before);
    }
  });

  test("what no rule lets in; and rules tell what a tenant brought by its prefix", () => {
    expect(peers.ask("oh", `udp ${BP}`)).toBe("silence");
    expect(peers.ask("oh", `udp ${BT_ON_LINK}`)).toBe("silence");
    expect(peers.addressTold("oh", `udp ${BT}`)).toBe(HOST);
  });
});

/** What a process that keeps a connection says in the end. */
function ended(child: ChildProcess): Promise<string> {
  const said = new Promise<string>((resolve) =>
    child.stdout!.once("data", (b: Buffer) => resolve(b.toString().trim())),
  );
  child.stdin!.end();
  return said;
}

test("a gateway that dies takes no connection with it: none has any state", async () => {
  const kept = await Promise.all(
    [...VMS.map(([vm]) => [vm, HOST] as const), ...VMS.map(([, address]) => ["oh", address] as const)].map(
      ([from, to]) => peers.start(from, "keep", to),
    ),
  );
  process.kill((await lab.show("gw1", "status")).pid, "SIGKILL");
  for (const to of ["2001:db8:a1::/48", "2001:db8:70::/48"]) {
    // What a routing daemon, or BFD, does at the outside's router.
    lab.run("or", `ip -6 route del ${to}`);
    expect(lab.run("or", `ip -6 route add ${to} via 2001:db8:f2::2`).status).toBe(0);
  }
  await lab.until("the switch has one way to the outside", async () => (await waysOut()) === 1);
  for (const [vm, address] of VMS) {
    await lab.until(`${vm} reaches the outside`, () => peers.addressTold(vm, `tcp ${HOST}`) === address);
    expect(peers.addressTold("oh", `tcp ${address}`)).toBe(HOST);
  }
  for (const child of kept) expect(await ended(child)).toMatch(/^gap /);
});
