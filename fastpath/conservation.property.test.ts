/** Nothing vanishes and nothing counts twice: every frame ends in exactly one way, and the way says what was sent. */
import { describe, expect, test } from "bun:test";
import { nextBelow, type Random } from "#base/random";
import { C_ERRORS_SENT, C_TRANSMIT_ERRORS, C_TX_FRAMES, portCounters } from "#fastpath/counters";
import { type Frame, GSO_TCPV4 } from "#fastpath/frame";
import type { Port } from "#fastpath/ports/port";
import { rawOf } from "#fastpath/tables/snapshot";
import { type AnyFrame, anyFrame, fromFabric, fromVm } from "#fastpath/testing/any-frame";
import { fromSeed } from "#fastpath/testing/choices";
import { generate4 } from "#fastpath/testing/generate";
import { generateOffloaded } from "#fastpath/testing/generate-offload";
import { build6, counting } from "#fastpath/testing/packet";
import { udp4, udpBack } from "#fastpath/testing/small-packets";
import { BLUE, RED, REMOTE, REMOTE_IPV4, SmallRouter, VM_A, VM_B } from "#fastpath/testing/small-router";
import { AWAY, tunnelFrame } from "#fastpath/testing/tunnel-packets";
import { withSeed } from "#fastpath/testing/with-seed";
import { HOSTS } from "#fastpath/translation/small-world";
import { ENDINGS } from "#fastpath/verdicts";

const RUNS = Number(process.env.RUNS ?? 4000);
const PORTS = 9;

/** Refuses frames as it likes. */
class MoodyPort implements Port {
  readonly tunnels = false;
  readonly fd = -1;
  readonly failure = 0;
  readonly transmitErrors = 0;
  readonly index: number;
  readonly offload: boolean;
  taken = 0;
  refused = 0;
  private readonly random: Random;
  constructor(index: number, offload: boolean, random: Random) {
    this.index = index;
    this.offload = offload;
    this.random = random;
  }
  receiveDrops = (): number => 0;
  receive = (): number => 0;
  transmit(_: Frame): boolean {
    const takes = nextBelow(this.random, 8) > 0;
    if (takes) this.taken++;
    else this.refused++;
    return takes;
  }
  flush(): void {}
  release(): void {}
  close(): void {}
}

interface Counts {
  readonly endings: readonly Record<string, number>[];
  readonly errorsSent: readonly number[];
  readonly sent: number;
  /** Refused after they were counted as forwarded. */
  readonly refusedLate: number;
  readonly punted: number;
  readonly dropped: number;
}

const countsOf = (router: SmallRouter): Counts => ({
  endings: Array.from({ length: PORTS }, (_, port) => router.endings(port)),
  errorsSent: Array.from({ length: PORTS }, (_, port) => router.counters[portCounters(port) + C_ERRORS_SENT]!),
  sent: Array.from({ length: PORTS }, (_, port) => router.counters[portCounters(port) + C_TX_FRAMES]!).reduce(sum),
  refusedLate: Array.from(
    { length: PORTS },
    (_, port) => router.counters[portCounters(port) + C_TRANSMIT_ERRORS]!,
  ).reduce(sum),
  punted: router.punted.length,
  dropped: router.dropped.length,
});

const sum = (a: number, b: number): number => a + b;

/** Endings that were counted between the two, one name for each. */
function ended(before: Counts, after: Counts, port: number): string[] {
  return Object.entries(after.endings[port]!).flatMap(([name, count]) =>
    Array.from({ length: count - (before.endings[port]![name] ?? 0) }, () => name),
  );
}

const fateOf = (name: string): string => ENDINGS.find((ending) => ending.name === name)!.fate;

/** A router whose next hops come and go, whose VMs move, and whose links are narrow. */
function troubled(random: Random, offload: boolean): { router: SmallRouter; moody: MoodyPort[] } {
  const isNarrow = nextBelow(random, 2) === 0;
  const router = new SmallRouter({
    ...{ cacheEntries: nextBelow(random, 2) === 0 ? 0 : 64, offload, connections: 16 },
    ...(isNarrow && { uplinkMtu: 1280, vmMtu: 1280 }),
  });
  router.bind(BLUE, HOSTS.peers[0]!.ipv4); // to it leads a tunnel
  for (const neighbor of router.neighbors) neighbor.resolved = nextBelow(random, 6) > 0;
  const moody = Array.from({ length: PORTS }, (_, port) => new MoodyPort(port, offload, random));
  moody.forEach((port, i) => {
    router.engine.ports[i] = nextBelow(random, 12) === 0 ? undefined : port;
  });
  return { router, moody };
}

const total = (ports: readonly MoodyPort[], of: "taken" | "refused"): number =>
  ports.map((port) => port[of]).reduce(sum);

/** Offers a frame, and compares what the counters say with what ports and control have seen. */
function check(router: SmallRouter, moody: readonly MoodyPort[], { port, frame, offload }: AnyFrame): void {
  router.engine.tick(); // errors are limited otherwise
  const before = countsOf(router);
  const [taken, refused] = [total(moody, "taken"), total(moody, "refused")];
  router.offer(port, frame, offload);
  const after = countsOf(router);
  const nowTaken = total(moody, "taken") - taken;
  const late = after.refusedLate - before.refusedLate;
  const nowRefused = total(moody, "refused") - refused - late;
  const of = ended(before, after, port);
  const fates = of.map(fateOf);
  expect(of.length - errorsCounted(of, before, after, { port, nowRefused })).toBe(1);
  for (let other = 0; other < PORTS; other++) if (other !== port) expect(ended(before, after, other)).toEqual([]);
  expect(after.sent - before.sent).toBe(nowTaken);
  expect(after.punted - before.punted).toBe(fates.filter((fate) => fate === "punted").length);
  expect(after.dropped - before.dropped).toBe(fates.filter((fate) => fate === "dropped").length);
  if (of.length === 1 && fates[0] === "forwarded") expect([nowTaken + late > 0, nowRefused]).toEqual([true, 0]);
  expect(nowRefused > 0).toBe(of.includes("transmit-failed"));
}

/** Endings of what this router says about the frame: of what goes back to a VM, only one that the port did not take counts. */
function errorsCounted(
  of: readonly string[],
  before: Counts,
  after: Counts,
  { port, nowRefused }: { readonly port: number; readonly nowRefused: number },
): number {
  if (port === 0 || port === 4) return after.errorsSent[port]! - before.errorsSent[port]!;
  const isLost = (of.includes("transmit-failed") && nowRefused > 0) || of.includes("port-down");
  return of.length === 2 && isLost ? 1 : 0;
}

describe("every frame ends in exactly one way, and what was sent, punted and shown is what that says", () => {
  for (const offload of [true, false]) {
    test(`ports ${offload ? "with" : "without"} offload`, () => {
      withSeed((random) => {
        for (let i = 0; i < RUNS / 50; i++) {
          const { router, moody } = troubled(random, offload);
          for (let k = 0; k < 50; k++) check(router, moody, anyFrame(random));
        }
      });
    });
  }
});

test("a super-packet without a payload is no packet, and is not sent as none (virtio 1.2 §5.1.6.2)", () => {
  const router = new SmallRouter({ offload: false });
  const { packet, offload } = generateOffloaded(fromSeed(1), { hosts: HOSTS, mtu: 1500, broken: 0 }, false);
  const headers = 20 + ((packet[32]! >> 4) << 2);
  const bare = packet.slice(0, headers);
  bare[2] = 0;
  bare[3] = headers;
  const sumOf = bare
    .subarray(0, 20)
    .reduce((s, octet, i) => (i === 10 || i === 11 ? s : s + (octet << (i % 2 === 0 ? 8 : 0))), 0);
  const folded = (sumOf & 0xffff) + (sumOf >>> 16);
  bare[10] = (~folded >> 8) & 0xff;
  bare[11] = ~folded & 0xff;
  expect(bare[9]).toBe(6);
  expect(router.offer(VM_A.port, fromVm(bare), { ...offload, gsoType: GSO_TCPV4, gsoSize: 1400 })).toEqual([]);
  expect(router.endings(VM_A.port)).toEqual({ "bad-offload": 1 });
});

describe("a dropped frame is shown to control", () => {
  const spoof = generate4(fromSeed(3), { hosts: { ...HOSTS, vm4: VM_B.ipv4 }, mtu: 100, broken: 0 });

  test("as it came, from a VM without a network: the port says whose it is", () => {
    const router = new SmallRouter();
    router.offer(VM_A.port, fromVm(spoof));
    const [shown] = router.dropped;
    expect([ENDINGS[shown!.ending]!.name, shown!.port, shown!.tags]).toEqual(["spoofed-source", VM_A.port, 0]);
    expect(shown!.octets).toEqual(fromVm(spoof));
  });

  test("from the fabric, with the network that it was for, and in a tunnel with the tunnel's headers", () => {
    const router = new SmallRouter();
    const stray = build6({
      source: REMOTE,
      destination: AWAY,
      upper: { kind: "udp", source: 1, destination: 2, data: counting(8) },
    });
    router.offer(0, fromFabric(stray));
    const tunnelled = tunnelFrame(stray, { key: RED });
    router.offer(0, tunnelled);
    expect(router.dropped.map(({ ending, tags }) => [ENDINGS[ending]!.name, tags])).toEqual([
      ["no-such-vm", rawOf(BLUE)],
      ["tunnel-key", rawOf(BLUE)],
    ]);
    expect(router.dropped.map(({ octets }) => octets)).toEqual([fromFabric(stray), tunnelled]);
  });

  test("and one that was translated before its port refused it, translated and with the VM's network", () => {
    const router = new SmallRouter();
    const reply = udpBack(udp4(VM_A, REMOTE_IPV4, 22));
    router.engine.ports[VM_A.port] = undefined;
    router.offer(0, reply);
    const [shown] = router.dropped;
    expect([ENDINGS[shown!.ending]!.name, shown!.port, shown!.tags]).toEqual(["port-down", 0, rawOf(BLUE)]);
    expect([...shown!.octets.subarray(12, 15)]).toEqual([0x08, 0x00, 0x45]);
  });
});
