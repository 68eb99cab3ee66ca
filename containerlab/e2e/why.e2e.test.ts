/**
 * Where packets go and why, end to end: what `ain why` predicts is what a marked packet then meets; `ain trace` and
 * `ain capture` see what passes, and Wireshark reads it. Runs beside others.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { jsonLines, nextOf, openStream } from "#cli/streams";
import type { LiveReport } from "#cli/why/live";
import type { Walk } from "#cli/why/walk";
import { TraceExpansion } from "#router/watch/trace-expansion";
import type { TraceCounts, TracedPacket, TraceLine } from "#router/watch/views";
import { addressesAt, BLUE, fabricYaml, hypervisorYaml, RED, switchYaml, TestLab } from "./test-lab";

setDefaultTimeout(60_000);
const AIN = fileURLToPath(new URL("../../bin/ain", import.meta.url));
const DISSECTOR = fileURLToPath(new URL("../../docs/wireshark/ain.lua", import.meta.url));
const lab = new TestLab("wy");

/** Of blue/prod: a at home at hv1, c at home at hv2, b at hv2 and at home at hv3; nobody has the fourth. Of red: r at hv2. */
const A = addressesAt(3, 0, BLUE, 1)[0]!;
const [C, NOBODY] = addressesAt(3, 1, BLUE, 2) as [string, string];
const B = addressesAt(3, 2, BLUE, 1)[0]!;
const R = addressesAt(3, 1, RED, 1)[0]!;

const RULE = `{ name: no-dns, action: deny, from: blue/prod, to: blue/prod, protocol: udp, ports: 53 }`;
const vm = (name: string, address: string, network = "blue/prod"): string =>
  `{ name: ${name}, network: ${network}, address: ${address}, interface: ${name} }`;

const topology = `  nodes:
${["sw", "hv1", "hv2", "hv3"].map((name) => `    ${name}: { kind: linux, labels: { ain-role: router, ain-config: ${name}.yaml } }`).join("\n")}
${Object.entries({ a: A, b: B, c: C, r: R })
  .map(
    ([name, address]) =>
      `    ${name}: { kind: linux, labels: { ain-role: vm, ain-address: ${address}/32, ain-gateway: 10.0.0.1 } }`,
  )
  .join("\n")}
  links:
${[1, 2, 3].map((i) => `    - { endpoints: ["sw:eth${i}", "hv${i}:eth1"], mtu: 1500 }`).join("\n")}
    - { endpoints: ["hv1:a", "a:eth1"], mtu: 1500 }
${["b", "c", "r"].map((name) => `    - { endpoints: ["hv2:${name}", "${name}:eth1"], mtu: 1500 }`).join("\n")}
`;

beforeAll(async () => {
  lab.write("fabric.yaml", `${fabricYaml(3)}rules: [${RULE}]\n`);
  lab.write("sw.yaml", switchYaml(3));
  lab.write("hv1.yaml", hypervisorYaml({ index: 1, vms: [vm("a", A)] }));
  lab.write("hv2.yaml", hypervisorYaml({ index: 2, vms: [vm("b", B), vm("c", C), vm("r", R, "red/prod")] }));
  lab.write("hv3.yaml", `${hypervisorYaml({ index: 3, vms: [] }).split("vms:")[0]}`);
  await lab.up(topology);
  for (const name of ["a", "b", "c", "r"]) lab.run(name, "ping -c 1 -W 1 10.0.0.1"); // who has been heard is known
  await lab.until(
    "b is registered at its home",
    async () => (await lab.show("hv3", "bindings")).bindings.some(({ state }) => state === "bound"),
    20,
  );
});
afterAll(() => lab.down());

interface Why extends Walk {
  readonly live: LiveReport;
}

function ain(...words: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(AIN, words, { encoding: "utf8", timeout: 30_000 });
  return { status, out: stdout, err: stderr };
}

/** Predicted, and compared with a marked packet. */
function why(...words: string[]): { status: number | null; report: Why } {
  const { status, out, err } = ain("why", ...words, "--lab", lab.name, "--live", "--json");
  expect(out, err).toStartWith("{");
  return { status, report: JSON.parse(out) as Why };
}

const way = ({ hops }: Walk): string[] => hops.map((hop) => (hop.kind === "router" ? hop.answer.router : "?"));
const endings = ({ hops }: Walk): string[] => hops.map((hop) => (hop.kind === "router" ? hop.answer.ending.name : "?"));
const stage = (walked: Walk, router: string, name: string) =>
  walked.hops
    .flatMap((hop) => (hop.kind === "router" && hop.answer.router === router ? hop.answer.stages : []))
    .find((each) => each.stage === name);

function expectAsPredicted({ live }: Why): void {
  expect(live).toMatchObject({ isAsPredicted: true, unforeseen: [], unwatched: [] });
}

describe("ain why, and the same for real", () => {
  test("to a VM away from home whose place nobody has told yet: by its home, which has a tunnel", () => {
    const { status, report } = why("a", "b");
    expect([status, report.outcome, report.text]).toEqual([0, "delivered", "delivered to VM b by hv2"]);
    expect(way(report)).toEqual(["hv1", "sw", "hv3", "sw", "hv2"]);
    expect(stage(report, "hv1", "home")?.facts).toMatchObject({ index: 2, homes: 3, prefix: "2001:db8:a1:3::/64" });
    expect(stage(report, "hv1", "inquire")?.facts).toEqual({ asksHome: true });
    expect(stage(report, "hv3", "notBack")?.facts).toMatchObject({ place: "tunnel", tunnelTo: "2001:db8:a1:2::1" });
    expectAsPredicted(report);
    expect(report.live.caughtAt).toBe("hv2");
  });

  test("and once its home has answered: directly, in a tunnel", async () => {
    await lab.until(
      "hv1 knows where b is",
      async () => (await lab.show("hv1", "bindings")).bindings.some(({ peer }) => peer?.address === "2001:db8:a1:2::1"),
      10,
    );
    const { status, report } = why("a", "b", "tcp", "22");
    expect([status, report.outcome]).toEqual([0, "delivered"]);
    expect(way(report)).toEqual(["hv1", "sw", "hv2"]);
    expect(stage(report, "hv1", "redirect")?.facts).toMatchObject({ place: "tunnel", tunnelTo: "2001:db8:a1:2::1" });
    expect(report.hops[1]).toMatchObject({ answer: { packet: { headers: [{}, {}, { header: "gre" }, {}, {}, {}] } } });
    expectAsPredicted(report);
  });

  test("to a VM at home: natively, translated on the way in and out", () => {
    const { status, report } = why("a", "c", "udp", "7");
    expect([status, report.outcome, way(report)]).toEqual([0, "delivered", ["hv1", "sw", "hv2"]]);
    expect(stage(report, "hv2", "guardIn")?.facts).toMatchObject({ rule: "default inside blue/prod", action: "allow" });
    expectAsPredicted(report);
  });

  test("what a rule denies ends at its sender's router, and the rule is named", () => {
    const { status, report } = why("a", "c", "udp", "53");
    expect([status, report.outcome, endings(report)]).toEqual([1, "dropped", ["rule-denied"]]);
    expect(stage(report, "hv1", "guardOut")?.facts).toMatchObject({ rule: "no-dns", action: "deny" });
    expectAsPredicted(report);
    expect(report.live.caughtAt).toBeNull();
  });

  test("nobody's address: its home says so, and the error is on its way back", () => {
    const { status, report } = why("a", NOBODY);
    expect([status, report.outcome, endings(report)]).toEqual([1, "dropped", ["to-fabric", "transit", "no-such-vm"]]);
    expect(report.hops.at(-1)).toMatchObject({ answer: { icmp: { type: 1, code: 3 }, errors: [{ port: "eth1" }] } });
    expectAsPredicted(report);
    expect(report.live.errors.map(({ router }) => router)).toContain("hv1");
    expect(report.live.caughtAt).toBe("hv1"); // the error, before VM a would have got it
  });

  test("no route of its network: another's address", () => {
    const { report } = why("a", "192.0.2.1");
    expect([report.outcome, endings(report)]).toEqual(["dropped", ["no-network-route"]]);
    expectAsPredicted(report);
  });

  test("too big for what it becomes: the sender is told what fits", () => {
    const { status, report } = why("a", "c", "icmp", "--size", "1500");
    expect([status, report.outcome, endings(report)]).toEqual([1, "dropped", ["too-big"]]);
    expect(stage(report, "hv1", "send")?.facts).toEqual({ mtu: 1500, told: 1480 });
    expectAsPredicted(report);
  });

  test("and in fragments, where it may be cut", () => {
    const { status, report } = why("a", "c", "udp", "7", "--size", "3000", "--fragment");
    expect([status, report.outcome]).toEqual([0, "delivered"]);
    expect(report.hops[0]).toMatchObject({ answer: { sent: [{}, {}, {}] } });
    expectAsPredicted(report);
  });

  test("a router that does not answer is told of, and the way ends where it would go on", () => {
    const sockets = ["hv1", "sw"].map((name) => lab.socket(name));
    const done = ain("why", "a", C, "--router", ...sockets, lab.socket("hv9"), "--json");
    const report = JSON.parse(done.out) as Walk & { unasked: { router: string }[] };
    expect([done.status, report.outcome, way(report)]).toEqual([1, "left", ["hv1", "sw", "?"]]);
    expect(report.unasked.length).toBe(1);
  });

  test("words that mean nothing are refused with 2", () => {
    expect(ain("why", "nobody", "c", "--lab", lab.name)).toMatchObject({ status: 2 });
    expect(ain("why", "a", "c", "tcp", "99999", "--lab", lab.name)).toMatchObject({ status: 2 });
  });

  test("no VM has got anything of all that", () => {
    // A probe that had been delivered would have been answered.
    expect(lab.run("c", "nstat -az IcmpInEchos").text).toMatch(/IcmpInEchos\s+0\s/);
  });
});

/** A command that runs until it is told to stop. */
class Running {
  readonly process: ChildProcess;
  #out = "";

  constructor(...words: string[]) {
    this.process = spawn(AIN, words, { stdio: ["ignore", "pipe", "pipe"] });
    this.process.stdout!.on("data", (octets: Buffer) => {
      this.#out += octets.toString("latin1");
    });
  }

  get out(): string {
    return this.#out;
  }

  async stop(): Promise<number | null> {
    if (this.process.exitCode === null) {
      const ended = once(this.process, "exit");
      this.process.kill("SIGINT");
      await ended;
    }
    return this.process.exitCode;
  }
}

describe("ain trace", () => {
  test("shows the packets that are meant, with their stages, at all routers that they pass", async () => {
    const running = new Running("trace", "vm", "c", "and", "host", A, "and", "icmp", "--lab", lab.name, "--json");
    await Bun.sleep(1500);
    lab.run("a", `ping -c 2 -i 0.2 -W 1 ${C}`);
    lab.run("a", "ping -c 1 -W 1 10.0.0.1"); // not meant
    const packets = (): TracedPacket[] =>
      running.out
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as TracedPacket);
    try {
      await lab.until("twelve are seen", () => packets().length >= 12);
    } finally {
      expect(await running.stop()).toBe(0);
    }
    const [echoes, all] = [packets().filter(({ port }) => port === "a"), packets()];
    expect(all.length).toBe(12); // two there and two back, at three routers
    expect(echoes.map(({ router, ending }) => [router, ending.name])).toEqual([
      ["hv1", "to-fabric"],
      ["hv1", "to-fabric"],
    ]);
    expect(echoes[0]!.stages.map((each) => each.stage)).toContain("guardOut");
  });

  test("says what is wrong with a filter, and the routers go on", () => {
    const { status, err } = ain("trace", "hots", "10.0.0.1", "--router", lab.socket("hv1"));
    expect([status, err]).toEqual([4, expect.stringContaining('found "hots"')]);
    expect(ain("trace", "vm", "a", "--router", lab.socket("hv2"), "-c", "1").err).toContain("VM here: b, c, r");
  });

  test("drops can be waited for, and what they cost is told", async () => {
    const running = new Running("trace", "dropped", "and", "ip", "--router", lab.socket("hv1"), "-c", "1", "--json");
    await Bun.sleep(1500);
    lab.run("a", `ping -c 1 -W 1 ${C}`);
    lab.run("a", "ping -c 1 -W 1 192.0.2.7");
    await lab.until("it has ended by itself", () => running.process.exitCode !== null);
    expect(JSON.parse(running.out)).toMatchObject({ ending: { name: "no-network-route" }, errors: [{ port: "a" }] });
  });

  test("is kept with -w and shown with -r: what those see who watch meanwhile, message by message of all routers", async () => {
    const filter = ["host", A, "and", "host", C, "and", "icmp"];
    const file = join(lab.folder, "kept.trace");
    const keeping = new Running("trace", ...filter, "--lab", lab.name, "-w", file);
    const showing = new Running("trace", ...filter, "--lab", lab.name, "--json");
    const controller = new AbortController();
    const { signal } = controller;
    const asked = await openStream(lab.socket("hv1"), "trace", { filter: filter.join(" ") }, signal);
    const lines = jsonLines<TraceLine>(asked, signal);
    await lab.until("it is being written", () => existsSync(file));
    await Bun.sleep(1500);
    lab.run("a", `ping -c 2 -i 0.2 -W 1 ${C}`);
    await lab.until("all is shown", () => showing.out.split("\n").length > 12);
    await Bun.sleep(100);
    expect([await keeping.stop(), await showing.stop()]).toEqual([0, 0]);
    const kept = tracedIn(ain("trace", "-r", file, "--json").out);
    expect(kept.length).toBe(12); // two there and two back, at three routers
    expect(inOrder(kept)).toEqual(inOrder(tracedIn(showing.out)));
    const told: TracedPacket[] = [];
    for await (const line of lines) {
      if (line.type === "packet") told.push(line);
      if (told.length === 4) break;
    }
    controller.abort();
    expect(inOrder(told)).toEqual(inOrder(kept.filter(({ router }) => router === "hv1"))); // lines of JSON say the same
    expect(ain("trace", "-r", file, "-b", "-c", "3").out.split("\n").length).toBe(4);
  });

  test("that is read slowly loses packets, tells how many, and what does come is whole", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const request = { filter: `host ${A} and host ${C} and icmp`, rate: 10_000, format: "records" };
    const reader = await openStream(lab.socket("hv1"), "trace", request, signal);
    const expansion = new TraceExpansion();
    let packets = 0;
    let counts: TraceCounts | undefined;
    const read = async (): Promise<void> => {
      for (const { line } of expansion.take((await nextOf(reader, signal))!)) {
        if (line.type === "packet") packets++;
        if (line.type === "counts") counts = line;
      }
    };
    await read();
    const { text } = lab.run("a", `ping -q -f -c 25000 -s 1000 ${C}`, 60); // both ways: more than stream and rings hold
    expect(text).toContain(" 0% packet loss");
    while (counts === undefined || counts.told + counts.limited + counts.lost < 50_000 || packets < counts.told)
      await read();
    controller.abort();
    expect(counts.lost).toBeGreaterThan(0);
    expect([packets, counts.told + counts.limited + counts.lost]).toEqual([counts.told, 50_000]);
  });
});

const tracedIn = (text: string): TracedPacket[] =>
  text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as TracedPacket);

/** Whose moments of one packet differ by what clocks do in between, and whose order by how the routers' messages came. */
const inOrder = (packets: readonly TracedPacket[]): unknown[] =>
  packets
    .toSorted((one, other) => one.router.localeCompare(other.router) || one.time - other.time)
    .map(({ time, ...others }) => others);

describe("ain capture", () => {
  /** Not what the VM's own kernel says of itself by ICMPv6 while we look. */
  const OURS = ["icmp", "and", "host", A];

  const fields = (file: string, names: readonly string[], ...more: string[]): string[][] => {
    const words = ["-r", file, ...more, "-T", "fields", ...names.flatMap((name) => ["-e", name])];
    const { stdout, stderr } = spawnSync("tshark", words, { encoding: "utf8", timeout: 30_000 });
    expect(stdout, stderr).not.toBe("");
    return stdout
      .trimEnd()
      .split("\n")
      .map((row) => row.split("\t"));
  };

  async function captured(file: string, ...words: string[]): Promise<string> {
    const path = join(lab.folder, file);
    const running = new Running("capture", ...words, "--router", lab.socket("hv1"), "-w", path);
    await lab.until("it has begun", () => existsSync(path));
    await Bun.sleep(500);
    lab.run("a", `ping -c 2 -i 0.2 -W 1 ${C}`);
    lab.run("a", `ping -c 1 -W 1 ${B}`);
    await Bun.sleep(500);
    expect(await running.stop()).toBe(0);
    return path;
  }

  test("has frames before and after translation, at ports by name, with how they ended", async () => {
    const file = await captured("any.pcapng", "any", ...OURS);
    const rows = fields(file, ["frame.interface_name", "frame.comment", "ip.dst", "ipv6.dst"]);
    const sent = rows.filter(([port]) => port === "a").map(([, comment, to]) => [comment, to]);
    expect(sent.slice(0, 1)).toEqual([[expect.stringMatching(/^to-fabric: /), C]]);
    const out = rows.filter(([port, comment]) => port === "eth1" && comment === "came in by a");
    expect(out.length).toBe(3);
    expect(out[0]![3]).toMatch(/^2001:db8:a1:2:0:401:/);
  });

  test("at one port and one stage only, if so asked", async () => {
    const file = await captured("in.pcapng", "a", ...OURS, "--stage", "in");
    expect(fields(file, ["frame.interface_name", "ip.src"])).toEqual([
      ["a", A],
      ["a", A],
      ["a", A],
    ]);
  });

  test("to standard output, for wireshark -k -i -", async () => {
    const running = new Running("capture", "any", "--router", lab.socket("hv1"), "-w", "-");
    await lab.until("a file's beginning is there", () => running.out.length > 100);
    expect(await running.stop()).toBe(0);
    expect(Buffer.from(running.out, "latin1").subarray(0, 4)).toEqual(Buffer.from([0x0a, 0x0d, 0x0d, 0x0a]));
  });

  test("of a port that is not there: refused, with those that are", () => {
    const { status, err } = ain("capture", "nope", "--router", lab.socket("hv1"), "-w", join(lab.folder, "x"));
    expect([status, err]).toEqual([4, expect.stringContaining("no port here is called nope")]);
  });

  test("Wireshark with docs/wireshark/ain.lua shows tenants, networks and IPv4 addresses, of tunnels too", async () => {
    const { out, status } = ain("check", "--wireshark", join(lab.folder, "fabric.yaml"));
    expect([status, out.includes("000102030405060708090a0b0c0d0e0f")]).toEqual([0, false]);
    writeFileSync(join(lab.folder, "ain-fabric.lua"), out);
    process.env.AIN_FABRIC = join(lab.folder, "ain-fabric.lua");
    const file = await captured("lua.pcapng", "eth1", "icmp", "--stage", "out");
    const names = ["ainet.src.network", "ainet.dst.ipv4", "ainet.tenant", "ainet.dst.home", "ainet.tunnel.network"];
    const rows = fields(file, names, "-X", `lua_script:${DISSECTOR}`, "-Y", 'ainet.network == "blue/prod"');
    expect(rows.slice(0, 2)).toEqual([
      ["blue/prod", C, "1,1", "1", ""],
      ["blue/prod", C, "1,1", "1", ""],
    ]);
    // To b, which is away from home: infrastructure outside, blue/prod inside.
    expect(rows.at(-1)).toEqual(["infrastructure,blue/prod", B, "1,1", "1,2", "blue/prod"]);
  });
});
