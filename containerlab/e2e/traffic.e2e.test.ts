/** Real traffic through real TAPs and veths: hv1 – switch – hv2, and a link of 1400 octets to hv3. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawn } from "node:child_process";
import { inNamespace } from "#sys/namespace";
import { addressesAt, BLUE, fabricYaml, hypervisorYaml, switchYaml, TestLab } from "./test-lab";

setDefaultTimeout(60_000);
const lab = new TestLab("tr");
const [a, d] = addressesAt(3, 0, BLUE, 2) as [string, string];
const [b, plain] = addressesAt(3, 1, BLUE, 2) as [string, string];
const [narrow] = addressesAt(3, 2, BLUE, 1) as [string];

beforeAll(async () => {
  lab.write("fabric.yaml", fabricYaml(3));
  lab.write("sw.yaml", switchYaml(3));
  const tap = `{ name: tap-a, netns: ${lab.namespace("a")}, rename: eth1 }`;
  lab.write(
    "hv1.yaml",
    hypervisorYaml({
      index: 1,
      vms: [
        `{ name: a, network: blue/prod, address: ${a}, mtu: 1500, tap: ${tap} }`,
        `{ name: d, network: blue/prod, address: ${d}, interface: d }`,
      ],
    }),
  );
  lab.write(
    "hv2.yaml",
    hypervisorYaml({
      index: 2,
      vms: [
        `{ name: b, network: blue/prod, address: ${b}, interface: b }`,
        `{ name: plain, network: blue/prod, address: ${plain}, interface: plain, offload: false }`,
      ],
    }),
  );
  lab.write(
    "hv3.yaml",
    hypervisorYaml({ index: 3, vms: [`{ name: narrow, network: blue/prod, address: ${narrow}, interface: narrow }`] }),
  );
  const vm = (name: string, address: string, more = ""): string =>
    `    ${name}: { kind: linux, labels: { ain-role: vm, ain-address: ${address}/32, ain-gateway: 10.0.0.1${more} } }`;
  await lab.up(`  nodes:
    sw: { kind: linux, labels: { ain-role: router, ain-config: sw.yaml } }
    hv1: { kind: linux, labels: { ain-role: router, ain-config: hv1.yaml } }
    hv2: { kind: linux, labels: { ain-role: router, ain-config: hv2.yaml } }
    hv3: { kind: linux, labels: { ain-role: router, ain-config: hv3.yaml } }
${vm("a", a, ", ain-interface: eth1")}
${vm("d", d)}
${vm("b", b)}
${vm("plain", plain)}
${vm("narrow", narrow)}
  links:
    - { endpoints: ["sw:eth1", "hv1:eth1"], mtu: 1500 }
    - { endpoints: ["sw:eth2", "hv2:eth1"], mtu: 1500 }
    - { endpoints: ["sw:eth3", "hv3:eth1"], mtu: 1400 }
    - { endpoints: ["hv1:d", "d:eth1"], mtu: 1500 }
    - { endpoints: ["hv2:b", "b:eth1"], mtu: 1500 }
    - { endpoints: ["hv2:plain", "plain:eth1"], mtu: 1500 }
    - { endpoints: ["hv3:narrow", "narrow:eth1"], mtu: 1500 }
`);
  await lab.until("every VM reaches every other", () =>
    [b, plain, narrow, d].every((address) => lab.run("a", `ping -c 1 -W 1 ${address}`).status === 0),
  );
});
afterAll(() => lab.down());

/** The last line of iperf3's figures that says what arrived: [Mbit/s, text]. */
function iperf(client: string, server: string, address: string, options = ""): { mbits: number; text: string } {
  const listener = inNamespace(lab.namespace(server), () => spawn("iperf3", ["-s", "-1"], { stdio: "ignore" }));
  try {
    lab.run(client, "sleep 0.3");
    const { text } = lab.run(client, `iperf3 -c ${address} -t 2 -f m --connect-timeout 3000 ${options}`.trim(), 15);
    const line = text.split("\n").findLast((l) => /receiver/.test(l)) ?? "";
    return { mbits: Number(/([\d.]+) Mbits\/sec/.exec(line)?.[1] ?? 0), text };
  } finally {
    listener.kill();
  }
}

describe("throughput", () => {
  for (const [name, client, server, address, options] of [
    ["from a TAP to a veth", "a", "b", b, ""],
    ["back to the TAP", "b", "a", a, ""],
    ["both ways at once", "a", "b", b, "--bidir"],
    ["four streams", "a", "b", b, "-P 4"],
    ["to a port without offload: cut and summed in software", "a", "plain", plain, ""],
    ["from a port without offload", "plain", "a", a, ""],
    ["to the VM next door", "a", "d", d, ""],
    ["over a narrower link in the middle (PMTU discovery, MSS clamp)", "a", "narrow", narrow, ""],
  ] as const) {
    test(`iperf3 TCP ${name} moves data`, () => {
      const { mbits, text } = iperf(client, server, address, options);
      expect(mbits, text).toBeGreaterThan(5);
    });
  }

  test("iperf3 UDP at 20 Mbit/s loses nothing worth speaking of", () => {
    const { text } = iperf("a", "b", b, "-u -b 20M -l 1000");
    const lost = Number(/\(([\d.]+)%\)\s+receiver/.exec(text)?.[1] ?? 100);
    expect(lost, text).toBeLessThan(2);
  });
});

describe("sizes", () => {
  const ping = (to: string, size: number, df: boolean): { ok: boolean; text: string } => {
    const { status, text } = lab.run("a", `ping -c 1 -W 2 -s ${size} -M ${df ? "do" : "dont"} ${to}`);
    return { ok: status === 0, text };
  };
  const forgetMtus = (): void => {
    lab.run("a", "ip route flush cache");
  };

  test("with DF set, 1480 octets of IPv4 pass a fabric of 1500 and 1481 are answered (RFC 7915 §4.1)", () => {
    forgetMtus();
    expect(ping(b, 1452, true).ok).toBe(true);
    const refused = ping(b, 1453, true);
    expect(refused.ok).toBe(false);
    expect(refused.text).toContain("mtu = 1480");
  });

  test("a narrower link's Packet Too Big arrives as Fragmentation Needed with 20 less (RFC 7915 §5.2)", () => {
    forgetMtus();
    expect(ping(narrow, 1352, true).ok).toBe(true);
    const refused = ping(narrow, 1353, true);
    expect(refused.ok).toBe(false);
    expect(refused.text).toContain("mtu = 1380");
  });

  test("without DF every size around the edges arrives, in fragments where it must (RFC 7915 §4.1)", () => {
    for (const size of [0, 1, 1231, 1232, 1233, 1432, 1433, 1452, 1453, 1472, 1473, 2952, 8000, 65507])
      expect(ping(b, size, false), `${size} octets`).toMatchObject({ ok: true });
  });
});

describe("the way", () => {
  test("traceroute shows the gateway, fabric routers as 192.0.0.8, the VM (RFC 7600)", () => {
    for (const kind of ["", "-I "]) {
      const { text } = lab.run("a", `traceroute -n -q 1 -w 2 ${kind}${b}`);
      const hops = [...text.matchAll(/^ *\d+ +(\S+)/gm)].map((match) => match[1]);
      expect(hops, text).toEqual(["10.0.0.1", "192.0.0.8", "192.0.0.8", b]);
    }
  });

  test("the gateway answers ping, and UDP with port unreachable", () => {
    expect(lab.run("a", "ping -c 1 -W 1 10.0.0.1").status).toBe(0);
    const { text } = lab.run("a", "traceroute -n -q 1 -w 2 10.0.0.1");
    expect(text).toMatch(/^ *1 +10\.0\.0\.1/m);
  });

  test("an address outside the network's prefixes is unreachable at once", () => {
    const { text } = lab.run("a", "ping -c 1 -W 2 192.0.2.1");
    expect(text).toContain("Destination Net Unreachable");
  });

  test("an address that no VM has is unreachable: its home says so", () => {
    const nobody = addressesAt(3, 1, BLUE, 3)[2]!;
    const { text } = lab.run("a", `ping -c 1 -W 2 ${nobody}`);
    expect(text).toContain("Destination Host Unreachable");
  });

  test("a port without offload gets finished packets: tshark finds every checksum right and nothing malformed", async () => {
    const file = `${lab.folder}/plain.pcap`;
    const words = ["-q", "-i", "eth1", "-w", file, "-a", "duration:7", `src host ${a}`];
    const capture = inNamespace(lab.namespace("plain"), () => spawn("tshark", words, { stdio: "ignore" }));
    await Bun.sleep(1500);
    lab.run("a", `ping -c 2 -i 0.2 -s 3000 -M dont ${plain}`);
    lab.run("a", `traceroute -n -q 1 -w 1 ${plain}`);
    iperf("a", "plain", plain, "-b 5M");
    await new Promise((resolve) => capture.once("close", resolve));
    const checks = ["ip", "udp", "tcp"].map((protocol) => `-o ${protocol}.check_checksum:TRUE`).join(" ");
    // What a VM's ICMP error quotes is as its kernel held it, with checksums unfinished.
    const bad =
      "_ws.malformed||ip.checksum.status==0||(udp.checksum.status==0&&!icmp)||(tcp.checksum.status==0&&!icmp)||icmp.checksum.status==0";
    const frames = (filter: string): string[] => {
      const { text } = lab.run(
        "plain",
        `tshark -r ${file} ${checks} -T fields -e frame.number -e _ws.col.Info -Y ${filter}`,
      );
      return text.split("\n").filter((line) => /^\d+\s/.test(line));
    };
    for (const kind of ["tcp", "udp", "icmp"]) expect(frames(kind).length, kind).toBeGreaterThan(1);
    expect(frames(bad)).toEqual([]);
  });
});
