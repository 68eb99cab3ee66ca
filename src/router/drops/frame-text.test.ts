import { expect, test } from "bun:test";
import { formatIpv4, parsePrefix6 } from "#base/address";
import { nextBelow, nextOctets } from "#base/random";
import { build6, counting } from "#fastpath/testing/packet";
import { udp4 } from "#fastpath/testing/small-packets";
import { BLUE, REMOTE, REMOTE_IPV4, VM_A } from "#fastpath/testing/small-router";
import { AWAY, native, tunnelFrame } from "#fastpath/testing/tunnel-packets";
import { withSeed } from "#fastpath/testing/with-seed";
import type { Fabric } from "#router/config/model";
import { frameText } from "#router/drops/frame-text";

const prefixes = [parsePrefix6("2001:db8:a1::/48")!];
const fabric = { networks: [{ name: "blue/prod", tags: BLUE }], prefixes } as unknown as Fabric;
const text = (frame: Uint8Array): string => frameText(frame, fabric);
const [from, to] = [formatIpv4(VM_A.ipv4), formatIpv4(REMOTE_IPV4)];
const stray = build6({
  source: REMOTE,
  destination: AWAY,
  upper: { kind: "udp", source: 1, destination: 2, data: counting(8) },
});

test("an IPv4 packet is told by its ends, its length and its MAC addresses, though its tail is missing", () => {
  expect(text(udp4(VM_A, REMOTE_IPV4, 500).subarray(0, 128))).toBe(
    `udp ${from}:5000 > ${to}:7, 528 octets, 02:00:00:00:01:01 > 02:41:49:4e:00:01`,
  );
});

test("a packet of the fabric's by its networks, in a tunnel also by its ends and key", () => {
  const inner = `udp blue/prod ${to}:1 > blue/prod ${formatIpv4(AWAY, 12)}:2`;
  expect(text(native(stray))).toBe(`${inner}, 56 octets, 02:00:00:00:00:20 > 02:00:00:00:00:10`);
  expect(text(tunnelFrame(stray, { key: BLUE }))).toBe(
    `${inner} in a tunnel 2001:db8:a1:3::1 > 2001:db8:a1:1::1 with key ${BLUE.toString(16).padStart(8, "0")}, 104 octets, 02:00:00:00:00:20 > 02:00:00:00:00:10`,
  );
});

test("ARP by its question or answer, other frames by their type, scraps by their octets", () => {
  const arp = new Uint8Array(60);
  arp.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1], 0);
  arp.set([10, 0, 0, 5], 28);
  arp.set([10, 0, 0, 9], 38);
  expect(text(arp)).toBe("arp who has 10.0.0.9 tell 10.0.0.5, 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff");
  arp[12] = 0x88;
  arp[13] = 0xcc;
  expect(text(arp)).toStartWith("ethertype 88cc, ");
  expect(text(arp.subarray(0, 3))).toBe("3 octets: ffffff");
});

test("no octets make it throw", () => {
  withSeed((random) => {
    for (let i = 0; i < 3000; i++) {
      const frame = nextBelow(random, 2) === 0 ? tunnelFrame(stray, { key: 1 }) : udp4(VM_A, REMOTE_IPV4, 40);
      for (let k = nextBelow(random, 6); k > 0; k--) frame[nextBelow(random, frame.length)] = nextOctets(random, 1)[0]!;
      expect(text(frame.subarray(0, nextBelow(random, frame.length)))).toBeString();
    }
  });
});
