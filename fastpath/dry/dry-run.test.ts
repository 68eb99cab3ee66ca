/** What the dry run predicts is what the engine then does, and predicting leaves no trace. */
import { describe, expect, test } from "bun:test";
import { nextBelow, nextOctets, type Random } from "#base/random";
import { DryRun, QuietGroups } from "#fastpath/dry/dry-run";
import { STAGES } from "#fastpath/pipeline";
import { ST_STAGE, ST_VERDICT, STEP_WORDS } from "#fastpath/steps";
import { PLACE_NATIVE } from "#fastpath/tables/bindings";
import { GroupWriter } from "#fastpath/tables/groups";
import { fromSeed } from "#fastpath/testing/choices";
import { generate4, generate6 } from "#fastpath/testing/generate";
import { framed } from "#fastpath/testing/packet";
import { udp4 } from "#fastpath/testing/small-packets";
import {
  BLUE,
  GATEWAY_MAC,
  NEXT_HOP_MAC,
  REMOTE_IPV4,
  SmallRouter,
  UPLINK_MAC,
  VM_A,
  VM_B,
} from "#fastpath/testing/small-router";
import { tunnelFrame } from "#fastpath/testing/tunnel-packets";
import { withSeed } from "#fastpath/testing/with-seed";
import { HOSTS } from "#fastpath/translation/small-world";
import { CONTINUE, ENDINGS } from "#fastpath/verdicts";

const RUNS = Number(process.env.RUNS ?? 3000);
const PORTS = [0, 1, 2, 3, 4, 5, 6, 7, 8];

interface Offered {
  readonly port: number;
  readonly frame: Uint8Array;
}

function draw(random: Random): Offered {
  const c = fromSeed(nextBelow(random, 2 ** 32));
  const wish = { hosts: HOSTS, mtu: 1500, broken: 10 };
  const isOut = c.below(2) === 0;
  const port = c.below(10) === 0 ? c.below(PORTS.length) : isOut ? VM_A.port : 0;
  const framing = (packet: Uint8Array): Uint8Array =>
    isOut ? framed(packet, GATEWAY_MAC, VM_A.mac) : framed(packet, UPLINK_MAC, NEXT_HOP_MAC);
  if (c.below(10) === 0) return { port, frame: nextOctets(random, c.below(120)) };
  if (c.below(5) === 0) return { port: 0, frame: tunnelFrame(generate6(c, wish), { key: BLUE }) };
  return { port, frame: framing(isOut ? generate4(c, wish) : generate6(c, wish)) };
}

/** One whose next hops are not all known, whose table of connections is nearly full, and that knows of VMs elsewhere. */
function anyRouter(random: Random): SmallRouter {
  const isNarrow = nextBelow(random, 2) === 0;
  const router = new SmallRouter({
    ...{ cacheEntries: 0, offload: nextBelow(random, 2) === 0, connections: 16, perVm: 8, peering: true },
    ...(isNarrow && { uplinkMtu: 1280, vmMtu: 1280 }),
  });
  if (nextBelow(random, 2) === 0) router.bind(BLUE, HOSTS.peers[0]!.ipv4);
  if (nextBelow(random, 4) === 0) router.bind(BLUE, HOSTS.peers[0]!.ipv4, PLACE_NATIVE);
  for (const neighbor of router.neighbors) neighbor.resolved = nextBelow(random, 8) > 0;
  return router;
}

const dryRunOf = (router: SmallRouter): DryRun =>
  new DryRun({ ...router.shared, nat: undefined }, router.engine.tables.adjacencies);

const ask = (dry: DryRun, router: SmallRouter, { port, frame }: Offered) =>
  dry.run({
    snapshot: router.snapshot,
    ports: router.engine.ports.flatMap((each) => (each === undefined ? [] : [each])),
    now: router.engine.tables.now,
    ...{ port, octets: frame },
  });

/** Checksum and identification of IPv4: forwarders have numbers of their own. */
function masked(frame: Uint8Array): string {
  const copy = frame.slice();
  if (copy[12] === 8 && copy[13] === 0) for (const at of [18, 19, 24, 25]) copy[at] = 0;
  return Buffer.from(copy).toString("hex");
}

describe("for any frame the dry run says what the engine then does", () => {
  test("ending, octets and ports of what is sent, ICMP errors", () => {
    withSeed((random) => {
      for (let i = 0; i < RUNS / 30; i++) {
        const router = anyRouter(random);
        const dry = dryRunOf(router);
        for (let k = 0; k < 30; k++) {
          const offered = draw(random);
          const said = ask(dry, router, offered);
          router.engine.tick();
          const before = router.endings(offered.port);
          const sent = router.offer(offered.port, offered.frame);
          const after = router.endings(offered.port);
          const name = ENDINGS[said.ending]!.name;
          expect((after[name] ?? 0) - (before[name] ?? 0)).toBeGreaterThan(0);
          const predicted = [...said.sent, ...said.errors];
          expect(predicted.map(({ port, octets }) => [port, masked(octets)])).toEqual(
            sent.map(({ port, octets }) => [port, masked(octets)]),
          );
        }
      }
    });
  });

  test("every stage that had its say is among the steps, the last one with why the frame ended", () => {
    withSeed((random) => {
      const router = anyRouter(random);
      const dry = dryRunOf(router);
      for (let k = 0; k < RUNS / 10; k++) {
        const { steps, stepCount, ending } = ask(dry, router, draw(random));
        const verdicts = Array.from({ length: stepCount }, (_, i) => steps[i * STEP_WORDS + ST_VERDICT]!);
        expect(verdicts.slice(0, -1).every((verdict) => verdict === CONTINUE)).toBe(true);
        expect(verdicts.at(-1)).toBe(ending);
        for (let i = 0; i < stepCount; i++) expect(STAGES[steps[i * STEP_WORDS + ST_STAGE]!]).not.toBe("unknown");
      }
    });
  });
});

describe("asking leaves no trace", () => {
  test("no octet of the shared tables is another after any question", () => {
    withSeed((random) => {
      const router = anyRouter(random);
      const dry = dryRunOf(router);
      const hits = [router.snapshot.rules.outHits, router.snapshot.rules.inHits];
      for (let k = 0; k < RUNS / 10; k++) {
        if (k % 3 === 0) router.offer(draw(random).port, draw(random).frame);
        const offered = draw(random);
        const before = [...Object.values(router.shared).map(digest), ...hits.map(String)];
        ask(dry, router, offered);
        expect([...Object.values(router.shared).map(digest), ...hits.map(String)]).toEqual(before);
      }
    });
  });

  test("nor do neighbors count as used, or rules and bindings as asked for", () => {
    const router = new SmallRouter();
    const counted = router.counters.slice();
    ask(dryRunOf(router), router, { port: VM_A.port, frame: udp4(VM_A, REMOTE_IPV4, 8) });
    expect(router.counters).toEqual(counted);
    expect([router.wanted, router.noted]).toEqual([[], []]);
    const groups = new GroupWriter(1);
    const adjacency = groups.add({ port: 0, mtu: 1500, ownMac: UPLINK_MAC });
    new QuietGroups(groups.buffer).markUsed();
    expect(groups.takeUsed(adjacency)).toBe(false);
  });

  test("what was begun in a question is not there for the next", () => {
    const router = new SmallRouter();
    const dry = dryRunOf(router);
    const frame = udp4(VM_A, VM_B.ipv4, 8);
    const [first, second] = [1, 2].map(() => ask(dry, router, { port: VM_A.port, frame }));
    expect(second).toEqual(first!);
  });
});

const digest = (buffer: SharedArrayBuffer): string => Bun.hash.wyhash(new Uint8Array(buffer)).toString(16);
