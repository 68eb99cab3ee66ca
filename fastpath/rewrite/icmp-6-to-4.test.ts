/** ICMPv6 errors whose length attribute (RFC 4884 §4) disagrees with what they quote. */
import { expect, test } from "bun:test";
import { ending } from "#fastpath/testing/ipv6-vms";
import { build6, counting } from "#fastpath/testing/packet";
import { REMOTE, SmallRouter, VM_A } from "#fastpath/testing/small-router";
import { native } from "#fastpath/testing/tunnel-packets";

const DATAGRAM = 240; // octets, says the error
/** Where a frame's IPv4 ICMP error has what it quotes. */
const QUOTED_4 = 14 + 20 + 8;

/** An error about a packet with a destination options header of so many octets, whose datagram ends after DATAGRAM of them. */
function errorAbout(options: number): Uint8Array {
  const extensions = [{ header: 60 as const, body: new Uint8Array(options - 2) }];
  const upper = { kind: "udp", source: 1, destination: 2, data: counting(800) } as const;
  const quoted = build6({ source: VM_A.address, destination: REMOTE, extensions, upper });
  const body = quoted.slice(0, 833);
  return native(
    build6({
      ...{ source: REMOTE, destination: VM_A.address },
      upper: { kind: "icmp", type: 3, rest: ((DATAGRAM >> 3) << 24) >>> 0, body },
    }),
  );
}

test("headers that go beyond the datagram it has: refused (what was before the frame was overwritten, and a forwarder hung)", () => {
  for (const options of [208, 400, 720, 776]) {
    const r = new SmallRouter();
    expect([options, ending(r, 0, errorAbout(options))]).toEqual([options, "bad-embedded"]);
    expect(r.sent).toEqual([]);
  }
});

test("headers that end within it are translated, and what is left of it", () => {
  const r = new SmallRouter();
  expect(ending(r, 0, errorAbout(120))).toBe("to-vm");
  const { octets } = r.sent[0]!;
  expect([octets[QUOTED_4], octets[QUOTED_4 + 9]]).toEqual([0x45, 17]);
  expect([...octets.slice(QUOTED_4 + 12, QUOTED_4 + 16)]).toEqual([...VM_A.ipv4]);
});
