import { expect, describe as suite, test } from "bun:test";
import { parseAddress } from "#base/address";
import { toHex } from "#base/bytes";
import { describe } from "#fastpath/testing/describe";
import { build4, build6, counting, fragments4, fragments6 } from "#fastpath/testing/packet";

const at = (text: string) => parseAddress(text)!;
const ends4 = { source: at("10.0.0.2"), destination: at("10.0.0.3") };
const ends6 = { source: at("2001:db8::2"), destination: at("2001:db8::3") };
const udp = { kind: "udp", source: 5000, destination: 7, data: counting(4) } as const;

suite("packets as data become octets", () => {
  test("IPv4 with UDP, octet by octet (RFC 791 §3.1, RFC 768)", () => {
    const header = "45000020" + "00000000" + "401166c9" + "0a000002" + "0a000003";
    const datagram = "13880007" + "000cd63e" + "00010203";
    expect(toHex(build4({ ...ends4, upper: udp }))).toBe(header + datagram);
  });

  test("IPv6 with a hop-by-hop and a Fragment header (RFC 8200 §4)", () => {
    const extensions = [
      { header: 0, body: new Uint8Array(6) },
      { header: 44, offset: 5, more: true, identification: 0x01020304 },
    ] as const;
    const packet = build6({ ...ends6, extensions, upper: { kind: "raw", protocol: 17, data: counting(8) } });
    expect(toHex(packet.slice(0, 8))).toBe("6000000000180040");
    expect(toHex(packet.slice(40))).toBe("2c00000000000000" + "1100002901020304" + "0001020304050607");
  });

  test("fragments hold the datagram, offsets in units of 8", () => {
    const upper = { ...udp, data: counting(30) };
    for (const pieces of [fragments4({ ...ends4, upper }, 16), fragments6({ ...ends6, upper }, 16, 1)]) {
      expect(pieces.length).toBe(3);
      const header = pieces[0]!.length - 16;
      const whole = pieces.flatMap((piece) => [...piece.slice(header)]);
      expect(whole.slice(8)).toEqual([...counting(30)]);
    }
  });
});

suite("a line says what a packet is", () => {
  const lines: readonly (readonly [Uint8Array, string])[] = [
    [build4({ ...ends4, upper: udp }), "IPv4 10.0.0.2 > 10.0.0.3 ttl 64 UDP 5000 > 7 len 4 sum ok"],
    [
      build4({ ...ends4, upper: { ...udp, checksum: "wrong" }, tos: 16, identification: 9, dontFragment: true }),
      "IPv4 10.0.0.2 > 10.0.0.3 ttl 64 tos 0x10 id 0x9 DF UDP 5000 > 7 len 4 sum WRONG",
    ],
    [
      build6({ ...ends6, upper: { kind: "tcp", flags: 18, options: Uint8Array.of(2, 4, 5, 180) } }),
      "IPv6 2001:db8::2 > 2001:db8::3 hops 64 TCP 49152 > 80 SA options 020405b4 len 0 sum ok",
    ],
    [
      build6({ ...ends6, upper: { kind: "icmp", type: 2, rest: 1400, body: build6({ ...ends6, upper: udp }) } }),
      "IPv6 2001:db8::2 > 2001:db8::3 hops 64 ICMP 2/0 rest 0x578 sum ok " +
        "[IPv6 2001:db8::2 > 2001:db8::3 hops 64 UDP 5000 > 7 len 4 sum ok]",
    ],
    [
      build4({ ...ends4, offset: 2, moreFragments: true, upper: { kind: "raw", protocol: 6, data: counting(8) } }),
      "IPv4 10.0.0.2 > 10.0.0.3 ttl 64 fragment 16+ protocol 6 piece of 8",
    ],
    [new Uint8Array(3), "3 octets 000000"],
    [Uint8Array.of(0x45, 0), "IPv4 cut to 2 octets 4500"],
  ];
  test.each(lines)("%p", (packet, line) => expect(describe(packet)).toBe(line));

  test("whatever its octets are", () => {
    for (let length = 0; length < 120; length++) {
      for (const first of [0x45, 0x4f, 0x60, 0x00]) {
        const noise = Uint8Array.from({ length }, (_, i) => (i === 0 ? first : (i * 37 + length * 11) & 0xff));
        expect(describe(noise)).not.toContain("\n");
      }
    }
  });
});
