import { describe, expect, test } from "bun:test";
import { put16, put32, u16 } from "#base/bytes";
import { finish, fold, sum } from "#base/checksum";
import {
  FABRIC_ROUTER,
  GATEWAY_MAC,
  NEXT_HOP_MAC,
  REMOTE,
  REMOTE_IPV4,
  SmallRouter,
  UPLINK_MAC,
  VM_A,
  VM_B,
} from "#fastpath/testing/small-router";

/** Ethernet + IPv4 + UDP with right checksums. */
function udp4(
  from: typeof VM_A,
  to: Uint8Array,
  payload: number,
  options: { ttl?: number; df?: boolean } = {},
): Uint8Array {
  const b = new Uint8Array(14 + 28 + payload);
  b.set(GATEWAY_MAC, 0);
  b.set(from.mac, 6);
  put16(b, 12, 0x0800);
  put32(b, 14, 0x4500_0000 | (28 + payload));
  put32(b, 18, (0x1234 << 16) | (options.df === false ? 0 : 0x4000));
  put32(b, 22, ((options.ttl ?? 64) << 24) | (17 << 16));
  b.set(from.ipv4, 26);
  b.set(to, 30);
  put16(b, 24, finish(sum(b, 14, 20)));
  put16(b, 34, 5000);
  put16(b, 36, 7);
  put16(b, 38, 8 + payload);
  for (let i = 0; i < payload; i++) b[42 + i] = i;
  put16(b, 40, finish(sum(b, 34, 8 + payload, sum(b, 26, 8) + 17 + 8 + payload)));
  return b;
}
const sum6 = (b: Uint8Array, protocol: number): number => {
  const length = u16(b, 18);
  return fold(sum(b, 54, length, sum(b, 22, 32) + protocol + length));
};

describe("VM to fabric", () => {
  test("a UDP datagram becomes IPv6 with network addresses and a right checksum (RFC 7915 §4.1, paper §2.1)", () => {
    const router = new SmallRouter();
    for (let round = 0; round < 3; round++) {
      const [out] = router.offer(1, udp4(VM_A, REMOTE_IPV4, 100));
      expect(router.endings(1)).toEqual({ "to-fabric": round + 1 });
      const b = out!.octets;
      expect(out!.port).toBe(0);
      expect(b.subarray(0, 6)).toEqual(NEXT_HOP_MAC);
      expect(b.subarray(6, 12)).toEqual(UPLINK_MAC);
      expect(u16(b, 12)).toBe(0x86dd);
      expect(b[21]).toBe(63);
      expect(b.subarray(22, 38)).toEqual(VM_A.address);
      expect(b.subarray(38, 54)).toEqual(REMOTE);
      expect(sum6(b, 17)).toBe(0xffff);
    }
  });

  test("what comes back is the VM's own IPv4 packet (RFC 7915 §5.1)", () => {
    const router = new SmallRouter();
    const request = udp4(VM_A, REMOTE_IPV4, 1400);
    const there = router.offer(1, request)[0]!.octets;
    const back = there.slice();
    back.set(UPLINK_MAC, 0);
    back.set(NEXT_HOP_MAC, 6);
    back.set(there.subarray(38, 54), 22);
    back.set(there.subarray(22, 38), 38);
    const [out] = router.offer(0, back);
    expect(router.endings(0)).toEqual({ "to-vm": 1 });
    const b = out!.octets;
    expect(out!.port).toBe(1);
    expect(b.subarray(0, 6)).toEqual(VM_A.mac);
    expect(b.subarray(26, 30)).toEqual(REMOTE_IPV4);
    expect(b.subarray(30, 34)).toEqual(VM_A.ipv4);
    expect(fold(sum(b, 14, 20))).toBe(0xffff);
    expect(fold(sum(b, 34, 1408, sum(b, 26, 8) + 17 + 1408))).toBe(0xffff);
  });

  test("a full datagram with DF set that does not fit is answered with the exact MTU (RFC 1191)", () => {
    const router = new SmallRouter();
    const [out] = router.offer(1, udp4(VM_A, REMOTE_IPV4, 1472));
    expect(router.endings(1)).toEqual({ "too-big": 1 });
    expect(out!.port).toBe(1);
    expect(out!.octets[34]).toBe(3);
    expect(out!.octets[35]).toBe(4);
    expect(u16(out!.octets, 40)).toBe(1480);
  });

  test("without DF it is cut into two IPv6 fragments (RFC 7915 §4.1)", () => {
    const router = new SmallRouter();
    const out = router.offer(1, udp4(VM_A, REMOTE_IPV4, 1472, { df: false }));
    expect(out.length).toBe(2);
    expect(out.map((s) => s.octets[20])).toEqual([44, 44]);
    expect(out[0]!.octets.length).toBeLessThanOrEqual(1514);
    const back = out.map((s) => {
      const o = s.octets.slice();
      o.set(UPLINK_MAC, 0);
      o.set(s.octets.subarray(38, 54), 22);
      o.set(s.octets.subarray(22, 38), 38);
      return router.offer(0, o)[0]!.octets;
    });
    const data = Buffer.concat(back.map((b) => b.subarray(34)));
    expect(data.length).toBe(1480);
    expect(data.subarray(8)).toEqual(Buffer.from(Uint8Array.from({ length: 1472 }, (_, i) => i)));
    expect(fold(sum(data, 0, 1480, sum(back[0]!, 26, 8) + 17 + 1480))).toBe(0xffff);
  });

  test("the last hop's TTL is answered from the gateway (RFC 792)", () => {
    const router = new SmallRouter();
    const [out] = router.offer(1, udp4(VM_A, REMOTE_IPV4, 10, { ttl: 1 }));
    expect(out!.octets[34]).toBe(11);
    expect(fold(sum(out!.octets, 34, out!.octets.length - 34))).toBe(0xffff);
  });

  test("two local VMs talk without leaving IPv4", () => {
    const router = new SmallRouter();
    const [out] = router.offer(1, udp4(VM_A, VM_B.ipv4, 10));
    expect(router.endings(1)).toEqual({ hairpin: 1 });
    expect(out!.port).toBe(2);
    expect(out!.octets[22]).toBe(63);
    expect(fold(sum(out!.octets, 14, 20))).toBe(0xffff);
  });

  test("a fabric router's time exceeded reaches the VM from 192.0.0.8 (RFC 7600 §4.8)", () => {
    const router = new SmallRouter();
    const there = router.offer(1, udp4(VM_A, REMOTE_IPV4, 30))[0]!.octets;
    const quote = there.subarray(14);
    const b = new Uint8Array(14 + 48 + quote.length);
    b.set(UPLINK_MAC, 0);
    b.set(NEXT_HOP_MAC, 6);
    put16(b, 12, 0x86dd);
    put32(b, 14, 0x6000_0000);
    put32(b, 18, ((8 + quote.length) << 16) | (58 << 8) | 64);
    b.set(FABRIC_ROUTER, 22);
    b.set(VM_A.address, 38);
    b[54] = 3;
    b.set(quote, 62);
    put16(b, 56, finish(sum(b, 54, 8 + quote.length, sum(b, 22, 32) + 58 + 8 + quote.length)));
    const [out] = router.offer(0, b);
    expect(router.endings(0)).toEqual({ "to-vm": 1 });
    const o = out!.octets;
    expect([...o.subarray(26, 30)]).toEqual([192, 0, 0, 8]);
    expect(o[34]).toBe(11);
    expect(fold(sum(o, 34, o.length - 34))).toBe(0xffff);
    // the quoted packet is the VM's own again
    const own = udp4(VM_A, REMOTE_IPV4, 30);
    expect(o.subarray(42 + 12, 42 + 20)).toEqual(own.subarray(26, 34));
    expect(o.subarray(62)).toEqual(own.subarray(34));
  });
});
