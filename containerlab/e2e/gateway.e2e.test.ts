/**
 * The way out and in, end to end: NAT, floating and public addresses, rules, errors, and a gateway that dies.
 * Runs beside others.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { call } from "#cli/client";
import { inNamespace } from "#sys/namespace";
import { Peers } from "./gateway/peers";
import { ADDRESS, build, FLOATING, fabricYaml, HOST, HOST_6, RED_POOLS, ROUTES } from "./gateway/world";
import { TestLab } from "./test-lab";

setDefaultTimeout(90_000);
const lab = new TestLab("gw");
const peers = new Peers(lab);

const POOL = /^203\.0\.113\.(?:1[6-9]|3[2-5]) \d+$/;

beforeAll(async () => {
  await build(lab);
  await Promise.all(["oh", "bf", "bp", "ba"].map((node) => peers.start(node, "serve")));
  for (const hv of ["hv1", "hv2"]) {
    await lab.until(
      `${hv} has both gateways' routes to the outside`,
      async () => (await lab.show(hv, "routes")).some(({ prefix }) => prefix === "2001:db8:a1:fe::/64"),
      30,
    );
  }
  await lab.until(
    "the switch has two ways to the outside",
    async () =>
      (await lab.show("sw", "routes")).find(({ prefix }) => prefix === "2001:db8:a1:fe::/64")?.nextHops.length === 2,
    30,
  );
});
afterAll(async () => {
  peers.end();
  await lab.down();
});

describe("private addresses reach the outside by NAT", () => {
  test("TCP, UDP and ping, and the outside sees a NAT address (RFC 3022, RFC 4787)", () => {
    expect(peers.ask("ba", `tcp ${HOST}`)).toMatch(POOL);
    expect(peers.ask("ba", `udp ${HOST}`)).toMatch(POOL);
    expect(lab.run("ba", `ping -c 2 -i 0.2 -W 2 ${HOST}`)).toMatchObject({ status: 0 });
  });

  test("UDP in fragments, both ways: only the first one has ports (RFC 4787 §11)", () => {
    for (const octets of [1400, 1473, 4000, 30000]) expect(peers.ask("ba", `udp ${HOST} ${octets}`)).toMatch(POOL);
    expect(lab.run("ba", `ping -c 1 -W 2 -s 4000 ${HOST}`)).toMatchObject({ status: 0 });
  });

  test("two tenants with one address at once", () => {
    expect(ADDRESS.ba).toBe(ADDRESS.ra);
    expect(peers.ask("ba", `tcp ${HOST}`)).toMatch(POOL);
    expect(peers.ask("ra", `tcp ${HOST}`)).toMatch(POOL);
  });

  test("a tenant with a share of the pool has that, and the others what is left (RFC 6888 §3)", () => {
    for (let i = 0; i < 5; i++) {
      const [address, port] = peers.ask("ra", `udp ${HOST}`).split(" ") as [string, string];
      expect([RED_POOLS.some((each) => each === address), Number(port) <= 33791]).toEqual([true, true]);
      const [other, free] = peers.ask("ba", `udp ${HOST}`).split(" ") as [string, string];
      expect(RED_POOLS.every((each) => each !== other) || Number(free) > 33791).toBe(true);
    }
  });

  test("traceroute shows the way: fabric routers as 192.0.0.8, then the outside's (RFC 7600, RFC 5508 §4.2)", () => {
    for (const kind of ["", "-I "]) {
      const { text } = lab.run("ba", `traceroute -n -q 1 -w 2 ${kind}${HOST}`);
      const hops = [...text.matchAll(/^ *\d+ +(\S+)/gm)].map((match) => match[1]);
      expect(hops.at(-1), text).toBe(HOST);
      expect(hops.slice(1, -1), text).toContain("192.0.0.8");
    }
  });

  test("an outside link that is narrow is told of, and TCP goes on (RFC 1191, RFC 5508 §4.2)", () => {
    lab.run("or", "ip link set eth3 mtu 1300");
    const refused = lab.run("ba", `ping -c 1 -W 2 -s 1400 -M do ${HOST}`);
    expect(refused.text).toContain("mtu = 1300");
    expect(peers.ask("ba", `tcp ${HOST}`)).toMatch(POOL);
    lab.run("or", "ip link set eth3 mtu 1500");
    lab.run("ba", "ip route flush cache");
  });

  test("iperf3 moves data through NAT", async () => {
    const server = inNamespace(lab.namespace("oh"), () => spawn("iperf3", ["-s", "-1"], { stdio: "ignore" }));
    peers.processes.push(server);
    await Bun.sleep(300);
    const { text } = lab.run("ba", `iperf3 -c ${HOST} -t 2 -J`);
    const { end } = JSON.parse(text) as { end: { sum_received: { bits_per_second: number } } };
    expect(end.sum_received.bits_per_second).toBeGreaterThan(5e6);
  });

  test("bindings and blocks are shown, and who got which ports is in the log (RFC 6888 §4)", async () => {
    const views = await Promise.all(["gw1", "gw2"].map((gateway) => lab.show(gateway, "nat")));
    const bindings = views.flatMap((view) => view.bindings);
    expect(bindings).toContainEqual(
      expect.objectContaining({
        protocol: "tcp",
        inside: expect.objectContaining({ network: "blue/prod", address: ADDRESS.ba }),
      }),
    );
    const logs = lab.log("gw1") + lab.log("gw2");
    expect(logs).toMatch(/NAT: 203\.0\.113\.\d+ ports \d+-\d+ allocated to blue\/prod 10\.0\.0\.\d+/);
    expect(logs).toMatch(/NAT: 203\.0\.113\.\d+ ports \d+-\d+ allocated to red\/prod 10\.0\.0\.\d+/);
  });
});

describe("a VM away from home", () => {
  test("reaches the outside as others do, and is answered by a tunnel from the gateway to where it is", async () => {
    expect(peers.ask("bm", `tcp ${HOST}`)).toMatch(POOL);
    expect(lab.run("bm", `ping -c 5 -i 0.2 -W 2 ${HOST}`)).toMatchObject({ status: 0 });
    for (const octets of [1400, 4000]) expect(peers.ask("bm", `udp ${HOST} ${octets}`)).toMatch(POOL);
    const known = (await Promise.all(["gw1", "gw2"].map((gateway) => lab.show(gateway, "bindings")))).flatMap(
      ({ bindings }) => bindings,
    );
    expect(known).toContainEqual(
      expect.objectContaining({
        ...{ network: "blue/prod", address: ADDRESS.bm, role: "correspondent", state: "direct" },
        peer: { address: "2001:db8:a1:1::1", hypervisor: null },
      }),
    );
    const ways = await Promise.all(["gw1", "gw2"].map((gateway) => lab.show(gateway, "tunnels")));
    expect(ways.reduce((sum, { shares }) => sum + shares.direct, 0)).toBeGreaterThan(5);
  });
});

describe("a VM without IPv4 reaches IPv4 hosts by NAT64 (RFC 6146)", () => {
  test("TCP, UDP in fragments and ping, at the outside's prefix, tags 1 and the IPv4 address (RFC 6052 §2.2)", async () => {
    await lab.until("it has an address and a router", () => lab.run("b6", `ping -c 1 -W 1 ${HOST_6}`).status === 0);
    expect(peers.ask("b6", `tcp ${HOST_6}`)).toMatch(POOL);
    for (const octets of [10, 1400, 4000]) expect(peers.ask("b6", `udp ${HOST_6} ${octets}`)).toMatch(POOL);
  });

  test("traceroute and path MTU: what the outside's routers say is told in ICMPv6 (RFC 7915 §4.2)", () => {
    const { text } = lab.run("b6", `traceroute -6 -n -q 1 -w 2 ${HOST_6}`);
    expect(text.trim().split("\n").at(-1), text).toContain(HOST_6);
    lab.run("or", "ip link set eth3 mtu 1400");
    lab.run("b6", `ping -6 -c 1 -W 2 -s 1400 -M do ${HOST_6}`);
    expect(lab.run("b6", `ping -6 -c 1 -W 2 -s 1400 -M do ${HOST_6}`).text).toMatch(/mtu[ =:]*1420/i);
    lab.run("or", "ip link set eth3 mtu 1500");
    lab.run("b6", "ip -6 route flush cache");
  });
});

describe("addresses of their own", () => {
  test("a floating one stands for its VM both ways", () => {
    expect(peers.addressTold("bf", `tcp ${HOST}`)).toBe(FLOATING);
    expect(peers.addressTold("bf", `udp ${HOST} 4000`)).toBe(FLOATING);
    expect(peers.addressTold("oh", `tcp ${FLOATING}`)).toBe(HOST);
  });

  test("a public one is known outside as it is", () => {
    expect(peers.addressTold("bp", `tcp ${HOST}`)).toBe(ADDRESS.bp);
    expect(peers.addressTold("oh", `tcp ${ADDRESS.bp}`)).toBe(HOST);
  });

  test("from outside only what a rule allows: the paper's §2.4", () => {
    for (const to of [FLOATING, ADDRESS.bp]) {
      expect(lab.run("oh", `ping -c 1 -W 2 ${to}`)).toMatchObject({ status: 0 });
      expect(peers.ask("oh", `udp ${to}`)).toBe("silence");
    }
    const { text } = lab.run("oh", `traceroute -n -q 1 -w 2 -I ${ADDRESS.bp}`);
    expect([...text.matchAll(/^ *\d+ +(\S+)/gm)].at(-1)?.[1], text).toBe(ADDRESS.bp);
  });
});

describe("from inside to an address that the outside knows a VM by (RFC 4787 §6)", () => {
  const turned = async (): Promise<number> =>
    (await Promise.all(["gw1", "gw2"].map((gateway) => lab.counted(gateway, "eth1", "hairpin")))).reduce(
      (a, b) => a + b,
    );

  test("private VMs of the same tenant and of another are seen by NAT addresses, and nothing leaves by the outside link", async () => {
    const [before, left] = [await turned(), await outsideCount("to-fabric")];
    for (const vm of ["ba", "ra"]) {
      for (const to of [FLOATING, ADDRESS.bp]) {
        for (let i = 0; i < 3; i++) expect(peers.ask(vm, `tcp ${to}`), `${vm} to ${to}`).toMatch(POOL);
        expect(lab.run(vm, `ping -c 2 -i 0.2 -W 2 ${to}`), `${vm} to ${to}`).toMatchObject({ status: 0 });
      }
      expect(lab.run(vm, `ping -c 1 -W 2 -s 4000 ${FLOATING}`)).toMatchObject({ status: 0 }); // in fragments
    }
    expect(await turned()).toBeGreaterThan(before + 50);
    expect(await outsideCount("to-fabric")).toBe(left);
  });

  test("those with floating and public addresses are seen by these, both ways", () => {
    expect(peers.addressTold("bp", `tcp ${FLOATING}`)).toBe(ADDRESS.bp);
    expect(peers.addressTold("bf", `tcp ${ADDRESS.bp}`)).toBe(FLOATING);
    expect(peers.ask("b6", `tcp ${HOST_6.replace(/:c000:209$/, ":c612:a")}`)).toMatch(POOL); // NAT64 to 198.18.0.10
  });

  test("rules ask as of outside hosts, and errors come back to who sent", () => {
    expect(peers.ask("ba", `udp ${FLOATING}`)).toBe("silence"); // only TCP 80 and pings are let in
    const { text } = lab.run("ba", `traceroute -n -q 1 -w 2 -I ${FLOATING}`);
    expect([...text.matchAll(/^ *\d+ +(\S+)/gm)].at(-1)?.[1], text).toBe(FLOATING);
  });
});

const outsideCount = async (ending: string): Promise<number> =>
  (await lab.counted("gw1", "out", ending)) + (await lab.counted("gw2", "out", ending));

describe("what is uninvited", () => {
  test("a port of a NAT address that is nobody's, and one whose user talked to others", async () => {
    const before = (await outsideCount("nat-unbound")) + (await outsideCount("nat-filtered"));
    for (const address of ["203.0.113.16", "203.0.113.32"]) expect(peers.ask("oh", `udp ${address}`)).toBe("silence");
    expect((await outsideCount("nat-unbound")) + (await outsideCount("nat-filtered"))).toBeGreaterThan(before);
  });

  test("an address that stands for nobody", async () => {
    lab.run("or", "ip route add 198.18.7.0/24 via 198.51.100.2");
    expect(peers.ask("oh", "udp 198.18.7.7")).toBe("silence");
    expect(await outsideCount("outside-stray")).toBeGreaterThan(0);
  });

  test("inside sources from outside: private, public and floating ones (RFC 2827)", async () => {
    for (const source of [ADDRESS.ba, ADDRESS.bp, FLOATING, "169.254.169.254"]) {
      const before = await outsideCount("inside-source");
      lab.run("oh", `ip addr add ${source}/32 dev lo`);
      const to = source === ADDRESS.bp ? FLOATING : ADDRESS.bp;
      lab.run("oh", `ping -c 1 -W 1 -I ${source} ${to}`);
      lab.run("oh", `ip addr del ${source}/32 dev lo`);
      expect(await outsideCount("inside-source"), source).toBeGreaterThan(before);
    }
  });

  test("a private address of another network is told to be none of the outside's", async () => {
    expect(lab.run("bp", "ping -c 1 -W 2 10.0.0.200").text).toMatch(/unreachable|prohibited|filtered/i);
  });
});

const OUTSIDE_ROUTE = "2001:db8:a1:fe::/64";
/** Next hops of a router for the outside. */
const waysOut = async (router: string): Promise<number> =>
  (await lab.show(router, "routes")).find(({ prefix }) => prefix === OUTSIDE_ROUTE)?.nextHops.length ?? 0;

/** What a process that keeps a connection says in the end. */
function ended(child: ChildProcess): Promise<string> {
  const said = new Promise<string>((resolve) =>
    child.stdout!.once("data", (b: Buffer) => resolve(b.toString().trim())),
  );
  child.stdin!.end();
  return said;
}

describe("another configuration", () => {
  test("counts at once: a rule that lets UDP in from outside, a floating address for another VM", async () => {
    const routers = ["hv1", "hv2", "gw1", "gw2"];
    const reload = (text: string): Promise<unknown> => {
      lab.write("fabric.yaml", text);
      return Promise.all(routers.map((router) => call(lab.socket(router), "POST", "reload")));
    };
    const open = "      - { name: udp, action: allow, from: outside, to: blue, protocol: udp, ports: 53 }\n";
    expect(peers.ask("oh", `udp ${FLOATING}`)).toBe("silence");
    await reload(fabricYaml(open).replace(`to: ${ADDRESS.bf} }]`, `to: ${ADDRESS.ba} }]`));
    expect(peers.addressTold("oh", `udp ${FLOATING}`)).toBe(HOST);
    expect(peers.addressTold("ba", `tcp ${HOST}`)).toBe(FLOATING);
    expect(peers.ask("bf", `tcp ${HOST}`)).toMatch(POOL);
    await reload(fabricYaml());
    expect(peers.ask("oh", `udp ${FLOATING}`)).toBe("silence");
    expect(peers.addressTold("bf", `tcp ${HOST}`)).toBe(FLOATING);
  });
});

describe("a gateway that dies", () => {
  test("takes the connections it NATed with it; new ones, floating and public addresses go by the other one", async () => {
    const natted = peers.ask("ba", `tcp ${HOST}`);
    const dying = /^203\.0\.113\.1/.test(natted) ? 1 : 2;
    const left = 3 - dying;
    const broken = await peers.start("ba", "keep", HOST);
    const kept = await Promise.all([peers.start("bf", "keep", HOST), peers.start("bp", "keep", HOST)]);
    process.kill((await lab.show(`gw${dying}`, "status")).pid, "SIGKILL");
    for (const to of [`${FLOATING}/32`, "198.18.1.0/24"]) {
      // What a routing daemon, or BFD, does at the outside's router.
      expect(lab.run("or", `ip route replace ${to} via 198.51.10${left - 1}.2`).status).toBe(0);
    }
    await lab.until("the switch has one way to the outside", async () => (await waysOut("sw")) === 1);
    for (let i = 0; i < 4; i++)
      expect(peers.ask("ba", `tcp ${HOST}`)).toMatch(left === 1 ? /^203\.0\.113\.1/ : /^203\.0\.113\.3/);
    expect(peers.addressTold("bf", `tcp ${HOST}`)).toBe(FLOATING);
    for (const child of kept) expect(await ended(child)).toMatch(/^gap /);
    expect(await ended(broken)).toBe("broken");
    await build(lab); // starts what is not there
    await lab.until("it is back", async () => (await waysOut("sw")) === 2, 30);
  });

  test("or whose next hop does, is no way out any more; without any VMs are told so", async () => {
    for (const link of ["eth1", "eth2"]) {
      lab.run("or", `ip link set ${link} down`);
      const ways = link === "eth1" ? 1 : 0;
      await lab.until(`${ways} ways are left`, async () => (await waysOut("sw")) === ways);
    }
    expect(lab.run("ba", `ping -c 1 -W 2 ${HOST}`).text).toMatch(/unreachable/i);
    for (const link of ["eth1", "eth2"]) lab.run("or", `ip link set ${link} up`);
    await lab.until("both are back", async () => (await waysOut("sw")) === 2);
    for (const words of ROUTES) lab.run("or", words.replace("route add", "route replace")); // gone with the links
    await lab.until("they are used", () => POOL.test(peers.ask("ba", `tcp ${HOST}`)));
  });
});
