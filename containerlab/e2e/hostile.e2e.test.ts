/**
 * Hostile frames at a real router: each ending that a frame from a VM or from the fabric can bring about is brought about
 * once, and counted once; what is owed comes back, and nothing turns up anywhere else. Then floods of rubbish, after and
 * during which the neighbours and VMs that behave are served.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { formatIpv4, formatIpv6, parseMac } from "#base/address";
import { toHex } from "#base/bytes";
import { call } from "#cli/client";
import type { WhyAnswer } from "#router/why/views";
import { type HostileCase, MARK, udp } from "./hostile-cases";
import { ERROR_TO_SILENCE, FROM_FABRIC, UNREACHABLE_FROM_FABRIC } from "./hostile-fabric-cases";
import { rubbishForRouter, rubbishFromVm, rubbishFromVm6 } from "./hostile-rubbish";
import { ABOUT_SEGMENT, BROADCAST_OF_L, FROM_SEGMENT, UNHEARD } from "./hostile-segment-cases";
import { FROM_VM, UNREACHABLE_FROM_VM } from "./hostile-vm-cases";
import { FROM_VM6, UNREACHABLE_FROM_VM6 } from "./hostile-vm6-cases";
import {
  BEHIND_SILENCE,
  build,
  ETH2_MAC,
  frameOfA,
  frameOfP,
  fromA,
  fromM,
  fromT,
  GATEWAY,
  M,
  NODES,
  type Node,
  nodeYaml,
  ROUTER6,
  S,
} from "./hostile-world";
import { TestLab } from "./test-lab";
import { Wire } from "./wire";

setDefaultTimeout(60_000);
const AIN = fileURLToPath(new URL("../../bin/ain", import.meta.url));
const SEED = Number(process.env.SEED ?? 20261125);
/** Milliseconds in which nothing more happens after a frame was counted. */
const SETTLED = 20;

const lab = new TestLab("ho");
const wires = {} as Record<Node, Wire>;

beforeAll(async () => {
  await build(lab);
  for (const node of NODES) wires[node] = new Wire(lab.namespace(node));
});
afterAll(async () => {
  for (const wire of Object.values(wires)) wire.close();
  await lab.down();
});

type Counts = Record<string, number>;

/** A port's counters, by ending. */
async function countsOf(port: string): Promise<Counts> {
  const counters = await lab.show("hv", "counters");
  return Object.fromEntries(counters.filter((c) => c.port === port).map((c) => [c.ending, c.frames]));
}

const growth = (before: Counts, after: Counts): Counts =>
  Object.fromEntries(
    Object.entries(after)
      .map(([ending, frames]) => [ending, frames - (before[ending] ?? 0)] as const)
      .filter(([, more]) => more !== 0),
  );

const sumOf = (counts: Counts): number => Object.values(counts).reduce((sum, n) => sum + n, 0);

/** Frames that came in at any node since the last time, of those that a test has caused. */
type Heard = { readonly node: Node; readonly frame: Uint8Array }[];

const isMarked = (frame: Uint8Array): boolean => Buffer.from(frame).includes(MARK);
const listen = (): Heard => NODES.flatMap((node) => wires[node].take().map((frame) => ({ node, frame })));

/**
 * `ain why` says how the frame will end, of what it can be told: a frame without lies about offload, and as far as the
 * forwarder, where the control thread is to judge.
 */
async function predict(port: string, frame: Uint8Array, { ending, also = {} }: Pick<HostileCase, "ending" | "also">) {
  const punted = Object.keys(also).find((name) => name.startsWith("punt-") && name !== "punt-limited");
  const answer = (await call(lab.socket("hv"), "POST", "why", { port, frame: toHex(frame) })) as WhyAnswer;
  expect(answer.ending.name).toBe(punted ?? ending);
}

/** Sends a frame, waits until the port's counters say so, and gives what they said and what was heard. */
async function inject(port: string, node: Node, { frame, request, ending, also = {} }: HostileCase) {
  listen();
  const before = await countsOf(port);
  if (request === undefined && frame.length >= 14) await predict(port, frame, { ending, also });
  expect(wires[node].send(frame, request)).toBe(true);
  const expected = { [ending]: 1, ...also };
  await lab.until(`${ending} is counted`, async () => sumOf(growth(before, await countsOf(port))) >= sumOf(expected));
  await Bun.sleep(SETTLED);
  return { counted: growth(before, await countsOf(port)), expected, heard: listen() };
}

/** ICMPv4 from the gateway, or ICMPv6 from the router: its type and code, and from which octet on it quotes. */
function errorIn(frame: Uint8Array): { type: number; code: number; quote: number } | undefined {
  const four = frame[12] === 0x08 && frame[13] === 0x00 && frame[23] === 1;
  const six = frame[12] === 0x86 && frame[13] === 0xdd && frame[20] === 58;
  if (!four && !six) return undefined;
  const icmp = 14 + (four ? 20 : 40);
  const from = four ? formatIpv4(frame.slice(26, 30)) : formatIpv6(frame.slice(22, 38));
  const error = four ? frame[icmp] !== 0 && frame[icmp] !== 8 : frame[icmp]! < 128;
  if (!error || from !== (four ? formatIpv4(GATEWAY) : formatIpv6(ROUTER6))) return undefined;
  return { type: frame[icmp]!, code: frame[icmp + 1]!, quote: icmp + 8 };
}

/** The owed error and the packet itself are heard where they should be, and nothing of it anywhere else. */
function check(heard: Heard, sent: HostileCase, answered: Node): void {
  const errors = heard.flatMap(({ node, frame }) => {
    const error = errorIn(frame);
    return error === undefined ? [] : [{ node, frame, ...error }];
  });
  const owed = sent.owed === undefined ? [] : [{ node: answered, type: sent.owed[0], code: sent.owed[1] }];
  expect(errors.map(({ node, type, code }) => ({ node, type, code }))).toEqual(owed);
  for (const { frame, quote } of errors) {
    const length = Math.min(frame.length - quote, sent.frame.length - 14);
    expect(length).toBeGreaterThanOrEqual(28);
    expect(frame.slice(quote, quote + length)).toEqual(sent.frame.slice(14, 14 + length)); // as it came
  }
  const may = new Set<Node>([...(sent.owed ? [answered] : []), ...(sent.reaches ? [sent.reaches] : [])]);
  const reached = new Set(heard.filter(({ frame }) => isMarked(frame)).map(({ node }) => node));
  for (const node of reached) expect(may).toContain(node);
  if (sent.reaches !== undefined && isMarked(sent.frame)) expect(reached).toContain(sent.reaches);
}

describe("a frame from a VM", () => {
  for (const each of FROM_VM) {
    test(`with ${each.title} ends as ${each.ending}`, async () => {
      const { counted, expected, heard } = await inject("a", "a", each);
      expect(counted).toEqual(expected);
      check(heard, each, "a");
    });
  }
});

describe("a frame from an IPv6 VM", () => {
  for (const each of FROM_VM6) {
    test(`with ${each.title} ends as ${each.ending}`, async () => {
      const { counted, expected, heard } = await inject("v", "v", each);
      expect(counted).toEqual(expected);
      check(heard, each, "v");
    });
  }
});

describe("a frame from the fabric", () => {
  for (const each of FROM_FABRIC) {
    test(`with ${each.title} ends as ${each.ending}`, async () => {
      const { counted, expected, heard } = await inject("eth2", "p", each);
      expect(counted).toEqual(expected);
      check(heard, each, "n");
    });
  }
});

describe("a frame from a VM on an Ethernet segment", () => {
  for (const each of FROM_SEGMENT) {
    test(`with ${each.title} ends as ${each.ending}`, async () => {
      const { counted, expected, heard } = await inject("l", "l", each);
      expect(withoutQueries(counted)).toEqual(expected);
      check(heard, each, "l");
    });
  }

  test(`with ${UNHEARD.title} ends as ${UNHEARD.ending}`, async () => {
    const asked = async (): Promise<boolean> =>
      (await lab.show("hv", "segments")).segments.some(({ here }) =>
        here?.vms.some(({ vm, groups }) => vm === "k" && groups !== "all"),
      );
    await lab.until("k has been asked", asked);
    const { counted, expected, heard } = await inject("l", "l", UNHEARD);
    expect(withoutQueries(counted)).toEqual(expected);
    check(heard, UNHEARD, "l");
  });

  for (const each of ABOUT_SEGMENT) {
    test(`from the fabric, with ${each.title}, ends as ${each.ending}`, async () => {
      const { counted, expected, heard } = await inject("eth2", "p", each);
      expect(counted).toEqual(expected);
      check(heard, each, "n");
    });
  }
});

/** VMs on a segment are asked now and then what they listen to. */
function withoutQueries({ originated: _, ...counted }: Counts): Counts {
  return counted;
}

test("of every reason that frames were dropped for, one of them at least is shown", async () => {
  const { reasons } = await lab.show("hv", "drops");
  const shown = (each: (typeof reasons)[number]): boolean => each.samples.length > 0 || each.lastSecond === null;
  // What the kernel lost nobody has seen; which is told, or all of it at its interface.
  const unseen = reasons.filter((each) => !shown(each) && !each.reason.startsWith("kernel-"));
  expect(unseen.map(({ reason }) => reason)).toEqual([]);
  expect(reasons.length).toBeGreaterThan(30);
});

describe("packets that wait for a next hop", () => {
  const silent = (state: string) => async () =>
    (await lab.show("hv", "neighbors")).some((n) => n.address === "2001:db8:a1:ff::3" && n.state === state);

  test("which does not answer (RFC 4861 §7.2.2): three are held, the oldest are given up, the rest is answered in the end", async () => {
    await lab.until("it is known not to answer", silent("failed"));
    await lab.until("it is asked for again", silent("incomplete"));
    listen();
    const [before, before6] = [await countsOf("a"), await countsOf("eth2")];
    const frame = frameOfA(fromA(udp(), { destination: BEHIND_SILENCE.ipv4 }));
    for (let i = 0; i < 4; i++) wires.a.send(frame);
    const [overflow, failed] = ["hold-overflow", "neighbor-failed"] as const;
    const grown = async (): Promise<Counts> => growth(before, await countsOf("a"));
    await lab.until("one is given up", async () => ((await grown())[overflow] ?? 0) >= 1);
    expect((await grown())["punt-neighbor"]).toBe(4);
    expect(wires.p.send(ERROR_TO_SILENCE.frame)).toBe(true);
    // Places are taken by the error too, and by what the router asks that home of its own accord (RFC 6705 §4).
    await lab.until("all are given up", async () => sumOf(await grown()) === 8);
    const { [overflow]: lost = 0, [failed]: answered = 0, ...rest } = await grown();
    expect([rest, lost + answered, lost >= 1]).toEqual([{ "punt-neighbor": 4 }, 4, true]);
    const grown6 = async (): Promise<Counts> => growth(before6, await countsOf("eth2"));
    await lab.until("the error is given up", async () => sumOf(await grown6()) === 3);
    expect(await grown6()).toMatchObject({ "no-route": 1, "punt-own": 1 });
    await Bun.sleep(SETTLED);
    const errors = listen().flatMap(({ node, frame: f }) =>
      errorIn(f) === undefined ? [] : [[node, errorIn(f)!.type, errorIn(f)!.code]],
    );
    expect(errors).toEqual(Array(answered).fill(["a", 3, 1]));
  });

  test("once it is known not to answer, senders are told at once", async () => {
    await lab.until("it is known not to answer", silent("failed"));
    const fromVm = await inject("a", "a", UNREACHABLE_FROM_VM);
    expect(fromVm.counted).toEqual(fromVm.expected);
    check(fromVm.heard, UNREACHABLE_FROM_VM, "a");
    await lab.until("it is known not to answer", silent("failed"));
    const fromVm6 = await inject("v", "v", UNREACHABLE_FROM_VM6);
    expect(fromVm6.counted).toEqual(fromVm6.expected);
    check(fromVm6.heard, UNREACHABLE_FROM_VM6, "v");
    await lab.until("it is known not to answer", silent("failed"));
    const fromFabric = await inject("eth2", "p", UNREACHABLE_FROM_FABRIC);
    expect(fromFabric.counted).toEqual(fromFabric.expected);
    check(fromFabric.heard, UNREACHABLE_FROM_FABRIC, "n");
  });

  test("a VM whose MAC is not known: one frame of its own teaches it, and what waits goes to it", async () => {
    listen();
    const before = [await countsOf("a"), await countsOf("m")];
    wires.a.send(frameOfA(fromA(udp(), { destination: M.ipv4 })));
    await lab.until("the packet waits", async () => growth(before[0]!, await countsOf("a"))["punt-neighbor"] === 1);
    wires.m.send(fromM(udp()));
    await lab.until("the waiting packet has gone", async () => growth(before[0]!, await countsOf("a")).hairpin === 1);
    const { originated: _asking, ...ofM } = growth(before[1]!, await countsOf("m"));
    expect(ofM).toEqual({ "punt-learn": 1, "to-fabric": 1 });
    expect(growth(before[0]!, await countsOf("a"))).toEqual({ "punt-neighbor": 1, hairpin: 1 });
    await Bun.sleep(SETTLED);
    expect(new Set(listen().flatMap(({ node, frame }) => (isMarked(frame) ? [node] : [])))).toEqual(
      new Set(["m", "n"]),
    );
  });

  test("a VM that leaves the configuration takes what waits for it along, and that is counted", async () => {
    lab.write("hv.yaml", nodeYaml("m"));
    reload();
    lab.write("hv.yaml", nodeYaml());
    reload(); // its MAC is unknown again
    const before = await countsOf("a");
    wires.a.send(frameOfA(fromA(udp(), { destination: M.ipv4 })));
    await lab.until("the packet waits", async () => growth(before, await countsOf("a"))["punt-neighbor"] === 1);
    lab.write("hv.yaml", nodeYaml("m"));
    reload();
    expect(growth(before, await countsOf("a"))).toEqual({ "punt-neighbor": 1, "hold-ended": 1 });
    lab.write("hv.yaml", nodeYaml());
    reload();
  });
});

function reload(): void {
  const done = spawnSync(AIN, ["reload", "--router", lab.socket("hv")], { encoding: "utf8" });
  expect(done.status, done.stderr).toBe(0);
}

describe("a flood", () => {
  /** A plain neighbour that has to find the router anew, and a VM, get their answers. */
  async function othersAreServed(): Promise<void> {
    lab.run("n", "ip neighbour flush dev eth1");
    await lab.until("n reaches the router", () => lab.run("n", `ping -c 1 -W 1 ${formatIpv6(ROUTER6)}`).status === 0);
    await lab.until("b reaches s", () => lab.run("b", `ping -c 1 -W 1 ${S.text}`).status === 0);
  }

  /** Sends in bursts, to be looked at in between; every frame that got in is counted. */
  async function flood(
    port: string,
    node: Node,
    frames: readonly Uint8Array[],
    meanwhile: () => Promise<void>,
  ): Promise<Set<Node>> {
    const portBefore = await portOf(port);
    const reached = new Set<Node>();
    for (let at = 0; at < frames.length; at += 2000) {
      for (const frame of frames.slice(at, at + 2000)) wires[node].send(frame);
      for (const heard of listen()) reached.add(heard.node);
      if (at === 6000) await meanwhile();
    }
    await Bun.sleep(200);
    const now = await portOf(port);
    const came = now.rxFrames - portBefore.rxFrames;
    expect(came + now.receiveDrops - portBefore.receiveDrops).toBeGreaterThan(frames.length / 2);
    const counts = await countsOf(port);
    expect(counts.internal ?? 0, `SEED=${SEED}`).toBe(0);
    expect(sumOf(counts)).toBeGreaterThanOrEqual(now.rxFrames);
    for (const heard of listen()) reached.add(heard.node);
    return reached;
  }

  const portOf = async (name: string) => (await lab.show("hv", "ports")).find((port) => port.name === name)!;

  test("of pings beyond the budget for the control thread is limited, and each is counted", async () => {
    const before = await countsOf("eth2");
    const ping = frameOfP(fromT({ kind: "icmp", type: 128, body: MARK }, { destination: ROUTER6 }));
    for (let i = 0; i < 1500; i++) wires.p.send(ping);
    await lab.until("all are counted", async () => {
      const { "punt-local": taken = 0, "punt-limited": limited = 0 } = growth(before, await countsOf("eth2"));
      return taken + limited === 1500;
    });
    expect(growth(before, await countsOf("eth2"))["punt-limited"]).toBeGreaterThan(0);
    await othersAreServed();
  });

  test("of broadcasts on a segment is limited, and each is counted", async () => {
    const before = await countsOf("l");
    for (let i = 0; i < 1500; i++) wires.l.send(BROADCAST_OF_L);
    await lab.until("all are counted", async () => {
      const { flooded = 0, "broadcast-limited": limited = 0 } = growth(before, await countsOf("l"));
      return flooded + limited === 1500;
    });
    const { flooded = 0 } = growth(before, await countsOf("l"));
    expect(flooded).toBeGreaterThan(0);
    expect(flooded).toBeLessThan(1000);
    await othersAreServed();
  });

  test("of rubbish from a VM harms nobody else", async () => {
    listen();
    const reached = await flood("r", "r", rubbishFromVm(SEED, 20_000), othersAreServed);
    await othersAreServed();
    for (const blue of ["a", "o"] as const) expect(reached).not.toContain(blue);
  });

  test("of IPv6 rubbish from a VM harms nobody else, and none of it is another's on its way", async () => {
    listen();
    const reached = await flood("v", "v", rubbishFromVm6(SEED + 2, 20_000), othersAreServed);
    await othersAreServed();
    for (const other of ["a", "o", "r"] as const) expect(reached).not.toContain(other);
  });

  test("of rubbish on a fabric link harms no other link and no VM", async () => {
    await flood("eth2", "p", rubbishForRouter(SEED, 20_000, wires.p.mac, ETH2_MAC), othersAreServed);
    await othersAreServed();
  });

  test("of rubbish on a neighbour's own link does not keep the neighbour from the router", async () => {
    await flood(
      "eth1",
      "n",
      rubbishForRouter(SEED + 1, 20_000, wires.n.mac, parseMac((await portOf("eth1")).mac!)!),
      async () => {},
    );
    await othersAreServed();
  });
});

test("nothing of this was a defect, and the router still runs", async () => {
  expect(lab.log("hv")).not.toContain("defect");
  expect((await lab.show("hv", "status")).name).toBe("hv");
});
