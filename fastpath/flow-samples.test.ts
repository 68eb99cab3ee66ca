import { describe, expect, test } from "bun:test";
import { aboutFlow, readFlow } from "#fastpath/flow-samples";
import { Frame, GSO_TCPV4 } from "#fastpath/frame";
import { BACK, FORWARD } from "#fastpath/tables/connection-entries";
import { listConnections } from "#fastpath/tables/connection-list";
import { build4, build6, counting, framed } from "#fastpath/testing/packet";
import { udp4, udpBack } from "#fastpath/testing/small-packets";
import {
  BLUE,
  GATEWAY_MAC,
  RED,
  REMOTE,
  REMOTE_IPV4,
  SmallRouter,
  VM_A,
  VM_B,
  VM_C,
} from "#fastpath/testing/small-router";
import { native } from "#fastpath/testing/tunnel-packets";
import { CONTINUE, ENDINGS, NO_RULE, RULE_DENIED } from "#fastpath/verdicts";
import { networkAddress } from "#policy/homes";
import type { OwnedRule } from "#policy/sides";

const everything = { tags: 0, host: 0, length: 0 };

/** A rule about all packets of blue's, before the defaults. */
const rule = (more: Partial<OwnedRule["rule"]>): OwnedRule => ({
  owner: undefined,
  rule: {
    ...{
      name: "it",
      priority: 1,
      action: "allow",
      stateful: true,
      log: false,
      source: [everything],
      destination: [everything],
    },
    ...more,
  },
});

const router = (more: Partial<OwnedRule["rule"]>, samples: readonly number[] = [1, 0]): SmallRouter =>
  new SmallRouter({ rules: [rule(more)], flowSamples: samples });

const names = (r: SmallRouter): [string, number, number][] =>
  r.flows.map(({ verdict, side, rule: number }) => [ENDINGS[verdict]!.name, side, number]);

describe("of flows that are no connections", () => {
  test("each is shown once where one in one is wanted, with the rule that let it pass", () => {
    const r = router({ stateful: false });
    for (let i = 0; i < 3; i++) r.offer(VM_A.port, udp4(VM_A, REMOTE_IPV4, 20));
    expect(names(r)).toEqual([["continue", 0, 0]]);
  });

  test("one in so many is shown of many", () => {
    const r = new SmallRouter({ rules: [rule({ stateful: false })], flowSamples: [10, 0], cacheEntries: 0 });
    for (let i = 0; i < 10_000; i++) r.offer(VM_A.port, udp4(VM_A, REMOTE_IPV4, 20));
    expect(r.flows.length).toBeGreaterThan(800);
    expect(r.flows.length).toBeLessThan(1200);
  });

  test("those that a rule forbids are shown as refused, and no other drops", () => {
    const r = router({ action: "deny" });
    r.offer(VM_A.port, udp4(VM_A, REMOTE_IPV4, 20));
    r.offer(VM_A.port, udp4(VM_B, REMOTE_IPV4, 20)); // spoofed
    expect(names(r)).toEqual([["rule-denied", 0, 0]]);
  });

  test("what comes for a VM of the network is shown too, by the receiver's rules", () => {
    const r = router({ stateful: false });
    r.offer(0, udpBack(udp4(VM_A, REMOTE_IPV4, 20)));
    const foreign = build6({
      source: REMOTE,
      destination: networkAddress(VM_C.address, RED, VM_C.ipv4),
      upper: { kind: "udp", source: 1, destination: 2, data: counting(8) },
    });
    r.offer(0, native(foreign)); // red's log is off
    expect(names(r)).toEqual([["continue", 1, 0]]);
  });

  test("nothing is shown, and connections are not counted, where no network wants it", () => {
    const r = router({ stateful: false }, [0, 0]);
    r.offer(VM_A.port, udp4(VM_A, REMOTE_IPV4, 20));
    const s = router({}, [0, 0]);
    s.offer(VM_A.port, udp4(VM_A, REMOTE_IPV4, 20));
    const [only] = [...listConnections(s.engine.tables.connections!.entries, 0)];
    expect([r.flows, only!.source.packets]).toEqual([[], 0]);
  });
});

const reply = native(
  build6({
    ...{ source: REMOTE, destination: VM_A.address },
    upper: { kind: "udp", source: 7, destination: 5000, data: counting(20) },
  }),
);

describe("a connection carries", () => {
  const of = (r: SmallRouter): number[][] => {
    const { entries } = r.engine.tables.connections!;
    return [...listConnections(entries, 0)].map(({ entry }) =>
      [FORWARD, BACK].flatMap((direction) => [entries.packets(entry, direction), entries.octets(entry, direction)]),
    );
  };

  test("packets and octets of IP, both ways, with the flow cache and without", () => {
    for (const cacheEntries of [0, 64]) {
      const r = new SmallRouter({ rules: [rule({})], flowSamples: [1, 0], cacheEntries });
      for (let i = 0; i < 3; i++) r.offer(VM_A.port, udp4(VM_A, REMOTE_IPV4, 20));
      for (let i = 0; i < 2; i++) r.offer(0, reply);
      expect(of(r)).toEqual([[3, 3 * 48, 2, 2 * 68]]);
      expect(r.flows).toEqual([]);
    }
  });

  test("each packet once though both VMs are here and both have rules", () => {
    const r = new SmallRouter({ rules: [rule({})], flowSamples: [1, 0] });
    for (let i = 0; i < 4; i++) r.offer(VM_A.port, udp4(VM_A, VM_B.ipv4, 20));
    expect(of(r)).toEqual([[4, 4 * 48, 0, 0]]);
  });

  test("of a super-packet its segments", () => {
    const r = new SmallRouter({ rules: [rule({})], flowSamples: [1, 0] });
    const packet = build4({
      ...{ source: VM_A.ipv4, destination: REMOTE_IPV4, dontFragment: true },
      upper: { kind: "tcp", source: 1, destination: 2, flags: 2, data: counting(2500), checksum: "partial" },
    });
    const offload = { partial: true, csumStart: 34, csumOffset: 16, gsoType: GSO_TCPV4, gsoSize: 1000 };
    r.offer(VM_A.port, framed(packet, GATEWAY_MAC, VM_A.mac), offload);
    expect(of(r)).toEqual([[3, 2540, 0, 0]]);
  });
});

test("how a flow was decided about goes into 24 bits and comes out again; a rule number that is too large does not", () => {
  const f = new Frame();
  for (const verdict of [CONTINUE, NO_RULE, RULE_DENIED]) {
    for (const side of [0, 1] as const) {
      for (const number of [-1, 0, 7, 32_766, 40_000]) {
        f.rule = number + 1;
        f.ruleSide = side;
        const about = aboutFlow(f, verdict);
        expect(about >>> 0).toBeLessThan(2 ** 24);
        expect(readFlow(about)).toEqual({ verdict, side, rule: number > 32_766 ? -1 : number });
      }
    }
  }
  expect(BLUE).not.toBe(RED);
});
