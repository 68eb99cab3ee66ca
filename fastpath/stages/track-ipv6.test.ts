/** Rules and connections between IPv6 VMs: judged by tags and host number, remembered by whole addresses. */
import { describe, expect, test } from "bun:test";
import { listConnections } from "#fastpath/tables/connection-list";
import { ending, fromFabric, fromVm, icmp, udp } from "#fastpath/testing/ipv6-vms";
import { counting, fragments6, framed, type Ip6, type Upper } from "#fastpath/testing/packet";
import {
  BLUE,
  FABRIC_ROUTER,
  NEXT_HOP_MAC,
  RED,
  RED_REMOTE_6,
  SmallRouter,
  type SmallRouterOptions,
  UPLINK_MAC,
  VM_D,
  VM_F,
} from "#fastpath/testing/small-router";
import type { IidPrefix, Rule } from "#policy/rules";

const D = VM_D.ipv6[0]!;
const F = VM_F.ipv6[0]!;
const SYN = 2;
const ACK = 16;
const network = (tags: number): IidPrefix => ({ tags, host: 0, length: 32 });
const WEB: Rule = {
  ...{ name: "web", priority: 10, action: "allow", stateful: true, log: false, protocol: 6 },
  ...{ source: [network(BLUE)], destination: [network(RED)], destinationPorts: [{ first: 80, last: 80 }] },
};
const router = (rules: readonly Rule[], options: SmallRouterOptions = {}) =>
  new SmallRouter({ rules: rules.map((rule) => ({ rule, owner: undefined })), peering: true, ...options });

const sends = (r: SmallRouter, upper: Upper, more: Partial<Ip6> = {}): string =>
  ending(r, VM_D.port, fromVm(VM_D, upper, { destination: RED_REMOTE_6, ...more }));
const gets = (r: SmallRouter, upper: Upper, more: Partial<Ip6> = {}): string =>
  ending(r, 0, fromFabric(upper, { source: RED_REMOTE_6, ...more }));
const request = (flags = SYN): Upper => ({ kind: "tcp", source: 40_000, destination: 80, flags });
const reply = (flags = SYN | ACK): Upper => ({ kind: "tcp", source: 80, destination: 40_000, flags });

describe("a stateful rule", () => {
  for (const cacheEntries of [0, 1024]) {
    test(`lets through what it names and the answers, ${cacheEntries === 0 ? "without" : "with"} a flow cache`, () => {
      const r = router([WEB], { cacheEntries });
      expect(gets(r, reply())).toBe("no-rule");
      for (let round = 0; round < 2; round++) {
        expect(sends(r, request(round === 0 ? SYN : ACK))).toBe("to-fabric");
        expect(gets(r, reply(round === 0 ? SYN | ACK : ACK))).toBe("to-vm");
      }
      // The same host number at another home is another host, whose packet answers nothing.
      const elsewhere = F;
      expect(gets(r, reply(), { source: elsewhere })).toBe("no-rule");
      expect(gets(r, reply(), { destination: VM_D.ipv6[1]! })).toBe("no-rule");
    });
  }

  test("is remembered by both ends' whole addresses", () => {
    const r = router([WEB]);
    sends(r, request());
    const [connection] = [...listConnections(r.engine.tables.connections!.entries, 0)];
    expect([connection!.source.address, connection!.destination.address]).toEqual([D, RED_REMOTE_6]);
  });

  test("between VMs of one router asks both sides, and answers come back", () => {
    const r = router([WEB]);
    const between = (from: typeof VM_D, to: Uint8Array, upper: Upper) =>
      ending(r, from.port, fromVm(from, upper, { destination: to }));
    expect(between(VM_F, D, reply())).toBe("no-rule");
    expect(between(VM_D, F, request())).toBe("hairpin");
    expect(between(VM_F, D, reply())).toBe("hairpin");
    expect(between(VM_F, D, request())).toBe("no-rule");
  });

  test("of ping is answered by its identifier (RFC 4443 §4), and is the rule that IPv4's ping has", () => {
    const { destinationPorts: _, ...rest } = WEB;
    const r = router([{ ...rest, protocol: 1, icmp: { type: 8 } }]);
    const echo = (type: number, identifier: number): Upper => icmp(type, counting(8), { rest: identifier << 16 });
    expect(gets(r, echo(129, 7))).toBe("no-rule");
    expect(sends(r, echo(128, 7))).toBe("to-fabric");
    expect([gets(r, echo(129, 7)), gets(r, echo(129, 8)), gets(r, echo(128, 7))]).toEqual([
      "to-vm",
      "no-rule",
      "no-rule",
    ]);
  });
});

test("an ICMPv6 error about a connection passes, from routers and from the other end, and about nothing else does not", () => {
  const r = router([{ ...WEB, source: WEB.destination, destination: WEB.source }]); // red may ask
  const quoted = fromVm(
    VM_D,
    { kind: "tcp", source: 80, destination: 40_000, flags: SYN | ACK },
    { destination: RED_REMOTE_6 },
  );
  const tooBig = icmp(2, quoted.subarray(14), { rest: 1280 });
  expect([gets(r, tooBig), gets(r, tooBig, { source: FABRIC_ROUTER })]).toEqual(["no-rule", "to-vm"]);
  expect(gets(r, request())).toBe("to-vm");
  expect(gets(r, tooBig)).toBe("to-vm");
});

test("an ICMPv6 error about a packet with extension headers is about what is behind them (RFC 8200 §4)", () => {
  const r = router([{ ...WEB, stateful: false }]);
  const options = { header: 60, body: new Uint8Array(6) };
  const about = (extensions: Ip6["extensions"], upper = request()): string => {
    const quoted = fromVm(VM_D, upper, { destination: RED_REMOTE_6, extensions: extensions ?? [] }).subarray(14);
    return gets(r, icmp(2, quoted, { rest: 1280 }));
  };
  const fragment = { header: 44, offset: 0, more: true, identification: 5 } as const;
  expect([about([options, options]), about([options, fragment])]).toEqual(["to-vm", "to-vm"]);
  expect(about([options], { kind: "tcp", destination: 81 })).toBe("no-rule");
});

test("an error that a VM sends about what it was sent passes behind it, and about nothing does not", () => {
  const r = router([{ ...WEB, source: WEB.destination, destination: WEB.source }]);
  const unreachable = (port: number) =>
    icmp(
      1,
      fromFabric({ kind: "tcp", source: 40_000, destination: port, flags: SYN }, { source: RED_REMOTE_6 }).subarray(14),
    );
  expect(sends(r, unreachable(81))).toBe("no-rule");
  expect(sends(r, unreachable(80))).toBe("to-fabric"); // red may ask for it, so blue may say that there is none
});

describe("fragments", () => {
  const DNS: Rule = { ...WEB, name: "dns", protocol: 17 };
  const pieces = (identification: number) =>
    fragments6(
      { source: RED_REMOTE_6, destination: D, upper: udp({ source: 80, destination: 4000, data: counting(200) }) },
      104,
      identification,
    ).map((piece) => framed(piece, UPLINK_MAC, NEXT_HOP_MAC));
  const ends = (r: SmallRouter, frames: readonly Uint8Array[]) => [...new Set(frames.map((f) => ending(r, 0, f)))];

  test("of an answer pass behind the first one; of another packet's, whose identification is alike at its end, do not", () => {
    const r = router([DNS]);
    expect(ends(r, pieces(7))).toEqual(["no-rule"]);
    sends(r, udp({ source: 4000, destination: 80 }));
    const [, ...later] = pieces(8);
    expect(ends(r, later)).toEqual(["no-rule"]);
    expect(ends(r, pieces(8))).toEqual(["to-vm"]);
    expect(ends(r, pieces(0x1_0008).slice(1))).toEqual(["no-rule"]); // 32 bits of it count (RFC 8200 §4.5)
  });
});

test("behind a header that hides the ports, a rule about ports lets nothing through (RFC 4302 §2)", () => {
  const r = router([WEB]);
  const tcp = fromVm(VM_D, request()).subarray(54);
  const authenticated: Upper = {
    ...{ kind: "raw", protocol: 51 },
    data: Uint8Array.from([6, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, ...counting(12), ...tcp]),
  };
  expect([sends(r, authenticated), gets(r, authenticated)]).toEqual(["no-rule", "no-rule"]);
});
