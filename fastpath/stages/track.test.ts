/** Rules and connections, as packets meet them: a blue VM here, a red one behind the fabric, and what blue's rules say. */
import { describe, expect, test } from "bun:test";
import { u32 } from "#base/bytes";
import { FIRST_STATE, STATE_NAMES } from "#fastpath/tables/connection-states";
import { build4, build6, counting, fragments6, framed, type Ip4, type Ip6, type Upper } from "#fastpath/testing/packet";
import {
  addressesAt,
  BLUE,
  FABRIC_ROUTER,
  GATEWAY_MAC,
  HOMES,
  NEXT_HOP_MAC,
  RED,
  SmallRouter,
  type SmallRouterOptions,
  UPLINK_MAC,
  VM_A,
  VM_B,
} from "#fastpath/testing/small-router";
import { networkAddress } from "#policy/homes";
import type { IidPrefix, Rule } from "#policy/rules";
import type { OwnedRule } from "#policy/sides";

/** No blue VM's address here (a test says so), so that blue's route table can lead there. */
const R = addressesAt(1, RED, 9)[8]!;
const RED_VM = networkAddress(HOMES[1]!, RED, R);
const network = (tags: number): IidPrefix => ({ tags, host: 0, length: 32 });
const WEB: Rule = {
  ...{ name: "web", priority: 10, action: "allow", stateful: true, log: false, protocol: 6 },
  ...{ source: [network(BLUE)], destination: [network(RED)], destinationPorts: [{ first: 80, last: 80 }] },
};
const operator = (...rules: Rule[]): OwnedRule[] => rules.map((rule) => ({ rule, owner: undefined }));
const router = (rules: readonly Rule[], options: SmallRouterOptions = {}) =>
  new SmallRouter({
    rules: operator(...rules),
    routes: [{ prefix: { address: R, length: 32 }, tags: RED }],
    ...options,
  });

const FIN = 1;
const SYN = 2;
const ACK = 16;
const RST = 4;
const out = (upper: Upper, more: Partial<Ip4> = {}): Uint8Array =>
  framed(build4({ source: VM_A.ipv4, destination: R, upper, ...more }), GATEWAY_MAC, VM_A.mac);
const back = (upper: Upper, more: Partial<Ip6> = {}): Uint8Array =>
  framed(build6({ source: RED_VM, destination: VM_A.address, upper, ...more }), UPLINK_MAC, NEXT_HOP_MAC);
const request = (flags = SYN, source = 40_000): Upper => ({ kind: "tcp", source, destination: 80, flags });
const reply = (flags = SYN | ACK, destination = 40_000): Upper => ({ kind: "tcp", source: 80, destination, flags });

/** How a frame ended. */
function ending(r: SmallRouter, port: number, octets: Uint8Array): string {
  const before = r.endings(port);
  r.offer(port, octets);
  return Object.entries(r.endings(port)).find(([name, count]) => count !== (before[name] ?? 0))?.[0] ?? "nothing";
}
const sends = (r: SmallRouter, upper: Upper, more?: Partial<Ip4>): string => ending(r, VM_A.port, out(upper, more));
const gets = (r: SmallRouter, upper: Upper, more?: Partial<Ip6>): string => ending(r, 0, back(upper, more));

describe("without a rule", () => {
  test("nothing passes between networks, either way (§2.4)", () => {
    const r = router([]);
    expect([sends(r, request()), gets(r, reply())]).toEqual(["no-rule", "no-rule"]);
  });
});

describe("a stateful rule", () => {
  test("lets through what it names, and the answers; nothing else comes back", () => {
    const r = router([WEB]);
    expect(gets(r, reply())).toBe("no-rule"); // nobody asked yet
    expect(sends(r, request())).toBe("to-fabric");
    expect(gets(r, reply())).toBe("to-vm");
    expect(sends(r, request(ACK))).toBe("to-fabric");
    expect(gets(r, reply(SYN | ACK, 40_001))).toBe("no-rule");
    expect(gets(r, { kind: "tcp", source: 81, destination: 40_000 })).toBe("no-rule");
    expect(gets(r, request())).toBe("no-rule");
    expect(sends(r, { kind: "tcp", source: 40_000, destination: 81, flags: SYN })).toBe("no-rule");
    expect(sends(r, { kind: "udp", source: 40_000, destination: 80 })).toBe("no-rule");
  });

  for (const cacheEntries of [0, 1024]) {
    test(`follows a connection to its end, ${cacheEntries === 0 ? "without" : "with"} a flow cache (RFC 9293 §3.5)`, () => {
      const r = router([WEB], { cacheEntries });
      const from = (flags: number, sequence: number, acknowledgment: number): Upper => ({
        ...{ kind: "tcp", source: 40_000, destination: 80, flags, sequence, acknowledgment },
      });
      const to = (flags: number, sequence: number, acknowledgment: number): Upper => ({
        ...{ kind: "tcp", source: 80, destination: 40_000, flags, sequence, acknowledgment },
      });
      const states = [
        [sends(r, from(SYN, 1000, 0)), ...statesOf(r)],
        [gets(r, to(SYN | ACK, 5000, 1001)), ...statesOf(r)],
        [sends(r, from(ACK, 1001, 5001)), ...statesOf(r)],
        [gets(r, to(ACK, 5001, 1001)), ...statesOf(r)],
        [sends(r, from(FIN | ACK, 1001, 5001)), ...statesOf(r)],
        [gets(r, to(FIN | ACK, 5001, 1002)), ...statesOf(r)],
        [sends(r, from(RST, 1002, 5002)), ...statesOf(r)],
      ];
      expect(states).toEqual([
        ["to-fabric", "syn-sent"],
        ["to-vm", "syn-received"],
        ["to-fabric", "established"],
        ["to-vm", "established"],
        ["to-fabric", "fin-forward"],
        ["to-vm", "fin-both"],
        ["to-fabric", "closed"],
      ]);
    });
  }

  test("of a connection gone from the table lets it go on from the allowed side, and back after that", () => {
    const r = router([WEB]);
    sends(r, request());
    gets(r, reply());
    forget(r);
    expect(gets(r, reply(ACK))).toBe("no-rule");
    expect(sends(r, request(ACK))).toBe("to-fabric");
    expect(gets(r, reply(ACK))).toBe("to-vm");
  });

  test("that is taken back ends its connections at once, in both directions, flow cache or not", () => {
    const r = router([WEB]);
    sends(r, request());
    gets(r, reply());
    r.adopt({ rules: [] });
    expect([gets(r, reply(ACK)), sends(r, request(ACK))]).toEqual(["no-rule", "no-rule"]);
    r.adopt({ rules: operator({ ...WEB, action: "deny" }) });
    expect(sends(r, request(ACK))).toBe("rule-denied");
    r.adopt({ rules: operator(WEB) });
    expect(sends(r, request(ACK))).toBe("to-fabric");
  });

  test("holds against a deny of the other direction: what was asked for is answered", () => {
    const deny: Rule = { ...WEB, name: "no", action: "deny", source: WEB.destination, destination: WEB.source };
    const { destinationPorts: _, protocol: __, ...everything } = deny;
    const r = router([WEB, everything]);
    expect(gets(r, reply())).toBe("rule-denied");
    expect(sends(r, request())).toBe("to-fabric");
    expect(gets(r, reply())).toBe("to-vm");
  });

  test("between VMs of one router asks both sides, and answers come back", () => {
    const only = { ...WEB, destination: [network(BLUE)] };
    const { destinationPorts: _, ...deny }: Rule = { ...only, name: "no", action: "deny", priority: 20 };
    const r = router([only, deny]);
    const between = (from: typeof VM_A, to: typeof VM_A, upper: Upper) =>
      framed(build4({ source: from.ipv4, destination: to.ipv4, upper }), GATEWAY_MAC, from.mac);
    expect(ending(r, VM_B.port, between(VM_B, VM_A, reply()))).toBe("rule-denied");
    expect(ending(r, VM_A.port, between(VM_A, VM_B, request()))).toBe("hairpin");
    expect(ending(r, VM_B.port, between(VM_B, VM_A, reply()))).toBe("hairpin");
    expect(ending(r, VM_B.port, between(VM_B, VM_A, request()))).toBe("hairpin");
  });
});

test("a stateless rule lets through what it names, and no answers", () => {
  const r = router([{ ...WEB, stateful: false }]);
  expect([sends(r, request()), gets(r, reply())]).toEqual(["to-fabric", "no-rule"]);
});

describe("ping", () => {
  const PING: Rule = { ...WEB, name: "ping", protocol: 1, icmp: { type: 8 }, destinationPorts: [] };
  const echo = (identifier: number): Upper => ({ kind: "icmp", type: 8, rest: identifier << 16, body: counting(8) });
  const answer = (identifier: number): Upper => ({
    kind: "icmp",
    type: 129,
    rest: identifier << 16,
    body: counting(8),
  });

  test("is answered to who asked, by its identifier; both families count as ICMPv4 to rules (RFC 7915 §5.2)", () => {
    const r = router([PING]);
    expect(gets(r, answer(7))).toBe("no-rule");
    expect(sends(r, echo(7))).toBe("to-fabric");
    expect(gets(r, answer(7))).toBe("to-vm");
    expect(gets(r, answer(8))).toBe("no-rule");
    // Who was asked does not ask in turn.
    expect(gets(r, { kind: "icmp", type: 128, rest: 7 << 16, body: counting(8) })).toBe("no-rule");
    const incoming = router([{ ...PING, source: PING.destination, destination: PING.source }]);
    expect(gets(incoming, { kind: "icmp", type: 128, rest: 9 << 16, body: counting(8) })).toBe("to-vm");
    expect(sends(incoming, { kind: "icmp", type: 0, rest: 9 << 16, body: counting(8) })).toBe("to-fabric");
  });
});

describe("an ICMP error", () => {
  /** The packet that VM a sent, as the fabric has it. */
  const inFabric = (upper: Upper): Uint8Array => build6({ source: VM_A.address, destination: RED_VM, upper });
  const tooBig = (quoted: Uint8Array): Upper => ({ kind: "icmp", type: 2, rest: 1280, body: quoted });

  test("about what a rule lets out passes: from the fabric's routers, from the packet's receiver, and from nobody else", () => {
    const r = router([{ ...WEB, stateful: false }]);
    const udp: Upper = { kind: "udp", source: 9, destination: 9, data: counting(8) };
    expect(gets(r, tooBig(inFabric(request())))).toBe("to-vm");
    expect(gets(r, tooBig(inFabric(request())), { source: FABRIC_ROUTER })).toBe("to-vm");
    expect(gets(r, tooBig(inFabric(udp)))).toBe("no-rule");
    const third = networkAddress(HOMES[1]!, 0x0c01, R);
    expect(gets(r, tooBig(inFabric(request())), { source: third })).toBe("no-rule");
  });

  test("about an answer on a connection passes, and without one does not", () => {
    const r = router([{ ...WEB, source: WEB.destination, destination: WEB.source }]); // red may ask
    const replied = inFabric({ kind: "tcp", source: 80, destination: 40_000, flags: SYN | ACK });
    expect(gets(r, tooBig(replied))).toBe("no-rule");
    expect(gets(r, request())).toBe("to-vm");
    expect(gets(r, tooBig(replied))).toBe("to-vm");
  });
});

describe("fragments", () => {
  const datagram = {
    source: RED_VM,
    destination: VM_A.address,
    upper: { kind: "udp", source: 80, destination: 4000, data: counting(200) },
  } as const;
  const DNS: Rule = { ...WEB, name: "dns", protocol: 17 };
  const pieces = (identification: number) =>
    fragments6(datagram, 104, identification).map((piece) => framed(piece, UPLINK_MAC, NEXT_HOP_MAC));
  const ends = (r: SmallRouter, frames: readonly Uint8Array[]): string[] => frames.map((frame) => ending(r, 0, frame));

  test("of an answer pass behind the first one, which has the ports; others do not (RFC 1858 §3)", () => {
    const r = router([DNS]);
    expect(ends(r, pieces(7))).toEqual(["no-rule", "no-rule", "no-rule"].slice(0, pieces(7).length));
    sends(r, { kind: "udp", source: 4000, destination: 80 });
    const [first, ...later] = pieces(8) as [Uint8Array, ...Uint8Array[]];
    expect(ends(r, later)).toEqual(later.map(() => "no-rule")); // before the first one
    expect(ends(r, [first, ...later])).toEqual(["to-vm", ...later.map(() => "to-vm")]);
    expect(ends(r, pieces(9).slice(1))).toEqual(later.map(() => "no-rule")); // another packet's
  });

  test("that a rule with ports may be meant for pass, and one that it forbids never has a first one", () => {
    const inward: Rule = {
      ...DNS,
      source: DNS.destination,
      destination: DNS.source,
      destinationPorts: [{ first: 4000, last: 4000 }],
    };
    expect(new Set(ends(router([inward]), pieces(7)))).toEqual(new Set(["to-vm"]));
    const other = router([{ ...inward, destinationPorts: [{ first: 4001, last: 4001 }] }]);
    expect(ends(other, pieces(7))[0]).toBe("no-rule");
  });
});

test("a rule with a log is told of a flow's first packet, not of those that the flow cache knows", () => {
  const r = router([
    { ...WEB, log: true },
    { ...WEB, name: "no", log: true, action: "deny", priority: 20, destinationPorts: [] },
  ]);
  for (let i = 0; i < 5; i++) sends(r, request(ACK));
  expect(r.noted).toHaveLength(1);
  sends(r, { kind: "tcp", source: 40_000, destination: 81 });
  expect(r.noted).toHaveLength(2);
  expect(r.noted[0]).not.toBe(r.noted[1]!);
});

describe("bounds", () => {
  test("a VM has its quota; who is over it begins no connection, and those that are there go on", () => {
    const r = router([WEB], { perVm: 4 });
    const ports = Array.from({ length: 4 }, (_, i) => 41_000 + i);
    for (const port of ports) expect(sends(r, request(SYN, port))).toBe("to-fabric");
    const acknowledging = (upper: Upper): Upper => ({ ...upper, acknowledgment: 2 }) as Upper; // each end's SYN has number 1
    for (const port of ports) expect(gets(r, acknowledging(reply(SYN | ACK, port)))).toBe("to-vm");
    for (const port of ports) expect(sends(r, acknowledging(request(ACK, port)))).toBe("to-fabric");
    expect(statesOf(r)).toEqual(Array<string>(4).fill("established"));
    const more = Array.from({ length: 40 }, (_, i) => sends(r, request(SYN, 42_000 + i)));
    expect(new Set(more)).toEqual(new Set(["connection-quota"]));
    for (const port of ports) expect(gets(r, reply(ACK, port))).toBe("to-vm");
  });
});

function statesOf(r: SmallRouter): string[] {
  const { entries } = r.engine.tables.connections!;
  const states = Array.from({ length: entries.slots }, (_, i) => entries.state(i + 1));
  return states.filter((state) => state >= FIRST_STATE).map((state) => STATE_NAMES[state]!);
}

function forget(r: SmallRouter): void {
  const { entries } = r.engine.tables.connections!;
  for (let entry = 1; entry <= entries.slots; entry++) {
    if (entries.state(entry) > 1) entries.remove(entry, entries.version(entry));
  }
}

test("the red VM's address is none of blue's here", () => {
  expect([VM_A, VM_B].map(({ ipv4 }) => u32(ipv4, 0))).not.toContain(u32(R, 0));
});
