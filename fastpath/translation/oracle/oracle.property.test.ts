/** The oracle against itself and against checksums computed another way. A failure prints its seed; SEED=… repeats it. */
import { expect, describe as suite, test } from "bun:test";
import { fromSeed, pick } from "#fastpath/testing/choices";
import { describe } from "#fastpath/testing/describe";
import { generate4, generate6 } from "#fastpath/testing/generate";
import { onesSum } from "#fastpath/testing/plain-checksum";
import { concernsTranslation, type Direction, oracleSays } from "../against-router";
import { HOSTS, inboundContext, type Mtus, outboundContext } from "../small-world";
import { translate4to6 } from "./four-to-six";
import { isError4 } from "./icmp-words";
import { isFragment, read4 } from "./ipv4";
import { read6 } from "./ipv6";
import { joined, numberAt, replaced } from "./octets";
import { translate6to4 } from "./six-to-four";
import { lacksUdpChecksum, pseudoHeader } from "./transport";

const SEED = Number(process.env.SEED ?? Date.now() >>> 0);
const RUNS = Number(process.env.RUNS ?? 2000);
const WIDE: Mtus = { fabricMtu: 60000, vmMtu: 60000 };
const NARROW: readonly Mtus[] = [
  { fabricMtu: 1500, vmMtu: 1500 },
  { fabricMtu: 1280, vmMtu: 1000 },
];

const generate = (seed: number, direction: Direction, broken: number, mtus: Mtus): Uint8Array => {
  const wish = { hosts: HOSTS, mtu: direction === "out" ? mtus.fabricMtu : mtus.vmMtu, broken };
  return direction === "out" ? generate4(fromSeed(seed), wish) : generate6(fromSeed(seed), wish);
};

/** Runs `check` on many packets; its message names the packet and the seed. */
function forMany(direction: Direction, broken: number, check: (packet: Uint8Array, mtus: Mtus) => void): void {
  for (let i = 0; i < RUNS; i++) {
    const mtus = pick(fromSeed(SEED + i), NARROW);
    const packet = generate(SEED + i, direction, broken, mtus);
    if (!concernsTranslation(packet, direction)) continue;
    try {
      check(packet, mtus);
    } catch (error) {
      throw new Error(`SEED=${SEED + i} ${describe(packet)}`, { cause: error });
    }
  }
}

/** What a VM's packet is after two translations, as far as that is a matter of the packet alone. */
function throughTheFabric(packet: Uint8Array): Uint8Array | undefined {
  const there = translate4to6(packet, outboundContext(WIDE));
  if (there.kind !== "packets") return undefined;
  expect(there.packets.length).toBe(1);
  const destination = there.packets[0]!.slice(24, 40);
  const context = { ...inboundContext(WIDE, destination), mapDestination: (address: Uint8Array) => address.slice(12) };
  const back = translate6to4(there.packets[0]!, context);
  if (back.kind !== "packets") return undefined;
  return back.packets[0];
}

suite("translated there and back (RFC 7915 §4, §5)", () => {
  test("a packet is what it was, but for two hops, options, and what IPv6 does not carry", () => {
    let compared = 0;
    const check = (packet: Uint8Array): void => {
      const back = throughTheFabric(packet);
      if (back === undefined) return;
      const [before, after] = [read4(packet), read4(back)];
      // Errors lose what the quoted header cannot keep, SYNs may promise less.
      if (before.protocol === 1 && before.offset === 0 && isError4(before.payload[0]!)) return;
      if (before.protocol === 6 && before.offset === 0 && (before.payload[13]! & 2) !== 0) return;
      const fragmented = isFragment(before);
      const { tos, ttl, protocol, source, destination, moreFragments, offset } = before;
      expect(after).toMatchObject({ tos, ttl: ttl - 2, protocol, source, destination, moreFragments, offset });
      if (fragmented) expect(after.identification).toBe(before.identification);
      expect(after.dontFragment).toBe(!fragmented && back.length > 1260);
      if (before.offset === 0 && lacksUdpChecksum(protocol, before.payload))
        expect(after.payload).toEqual(replaced(before.payload, 6, after.payload.slice(6, 8)));
      else expect(after.payload).toEqual(before.payload);
      compared++;
    };
    forMany("out", 0, check);
    expect(compared).toBeGreaterThan(RUNS / 4);
  });
});

/** The datagram that fragments carry, and its addresses and upper-layer protocol. */
function reassembled(packets: readonly Uint8Array[]): { protocol: number; addresses: Uint8Array; payload: Uint8Array } {
  const first = packets[0]!;
  if (first[0]! >> 4 === 4) {
    const parts = packets.map(read4);
    return {
      protocol: parts[0]!.protocol,
      addresses: first.slice(12, 20),
      payload: joined(...parts.map((p) => p.payload)),
    };
  }
  const parts = packets.map(read6);
  return {
    protocol: parts[0]!.protocol,
    addresses: first.slice(8, 40),
    payload: joined(...parts.map((p) => p.payload)),
  };
}

const isWhole = (packet: Uint8Array): boolean => {
  if (packet[0]! >> 4 === 4) return !isFragment(read4(packet));
  const { fragment } = read6(packet);
  return fragment === undefined || (fragment.offset === 0 && !fragment.more);
};

const isSummed = (packet: Uint8Array): boolean =>
  [1, 6, 17, 58].includes(packet[0]! >> 4 === 4 ? packet[9]! : read6(packet).protocol);

/** True when a TCP, UDP or ICMP message adds up, by the textbook's sum. */
function addsUp(packets: readonly Uint8Array[]): boolean {
  const { protocol, addresses, payload } = reassembled(packets);
  const covered = protocol === 17 ? payload.slice(0, numberAt(payload, 4, 2)) : payload;
  const pseudo = protocol === 1 ? new Uint8Array(0) : pseudoHeader(addresses, covered.length, protocol);
  return onesSum(joined(pseudo, covered)) === 0xffff;
}

suite("a message that added up adds up afterwards (RFC 7915 §4.5, §5.5)", () => {
  for (const direction of ["out", "in"] as const) {
    test(direction === "out" ? "from the VM, cut or not" : "for the VM, cut or not", () => {
      let compared = 0;
      const check = (packet: Uint8Array, mtus: Mtus): void => {
        const outcome = oracleSays(packet, direction, mtus);
        if (outcome.kind !== "packets" || !isSummed(packet) || !isWhole(packet)) return;
        // An echo that leaves in fragments has a checksum without length (decisions.md).
        if (outcome.packets.length > 1 && reassembled(outcome.packets).protocol === 58) return;
        const after = addsUp(outcome.packets);
        const before = addsUp([direction === "out" ? trimmed4(packet) : packet]);
        const { protocol, payload } = reassembled([packet]);
        expect(after).toBe(before || (protocol === 17 && lacksUdpChecksum(17, payload)));
        compared++;
      };
      forMany(direction, 0, check);
      expect(compared).toBeGreaterThan(RUNS / 10);
    });
  }
});

/** Without the link's padding. */
const trimmed4 = (packet: Uint8Array): Uint8Array => packet.slice(0, numberAt(packet, 2, 2));

suite("the oracle", () => {
  test("has an answer to any packet, and every packet it makes is one", () => {
    for (const direction of ["out", "in"] as const) {
      const check = (packet: Uint8Array, mtus: Mtus): void => {
        const outcome = oracleSays(packet, direction, mtus);
        if (outcome.kind !== "packets") return;
        for (const made of outcome.packets) {
          const length = direction === "out" ? 40 + numberAt(made, 4, 2) : read4(made).totalLength;
          expect(made.length).toBe(length);
          expect(length).toBeLessThanOrEqual(direction === "out" ? mtus.fabricMtu : mtus.vmMtu);
        }
      };
      forMany(direction, 30, check);
    }
  });

  test("meets every ending among generated packets", () => {
    const met = new Set<string>();
    for (const direction of ["out", "in"] as const) {
      const check = (packet: Uint8Array, mtus: Mtus): void => {
        const outcome = oracleSays(packet, direction, mtus);
        met.add(outcome.kind === "packets" ? `${direction} ${Math.min(2, outcome.packets.length)}` : outcome.reason);
      };
      for (const broken of [0, 5, 30]) forMany(direction, broken, check);
    }
    const rare = ["multicast", "udp-zero-checksum", "no-network-route"];
    const expected = `bad-embedded bad-extension bad-ip-checksum bad-ip-header bad-source bad-transport hop-limit
      icmp-untranslatable infrastructure-source loopback-destination no-rule no-such-vm outside-source source-routed
      spoofed-source tiny-fragment too-big truncated untranslatable-header untranslatable-protocol vm-broadcast`;
    expect([...met].filter((name) => !name.includes(" ") && !rare.includes(name)).sort()).toEqual(
      expected.split(/\s+/),
    );
    expect([...met]).toEqual(expect.arrayContaining(["out 1", "out 2", "in 1", "in 2"]));
  });
});
