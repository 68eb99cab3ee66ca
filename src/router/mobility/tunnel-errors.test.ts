import { describe, expect, test } from "bun:test";
import { parseIpv6 } from "#base/address";
import { toHex } from "#base/bytes";
import { createTunnelTable, Tunnels } from "#fastpath/tables/tunnels";
import { frameOf, readFrame } from "#router/mobility/frames";
import { PathMtus } from "#router/mobility/path-mtu";
import { readTunnelError } from "#router/mobility/tunnel-errors";
import { ETHERTYPE_IPV6, frame } from "#wire/ethernet";
import * as icmp6 from "#wire/icmp6";
import * as ipv6 from "#wire/ipv6";
import { PROTOCOL_FRAGMENT, PROTOCOL_GRE, PROTOCOL_ICMP6, PROTOCOL_MOBILITY, PROTOCOL_UDP } from "#wire/protocol";

const OWN = parseIpv6("2001:db8:a1:1::1")!;
const END = parseIpv6("2001:db8:a1:2::1")!;
const ROUTER = parseIpv6("2001:db8:a1:ff::1")!;
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);

interface Told {
  readonly type?: number;
  readonly mtu?: number;
  readonly from?: Uint8Array;
  readonly protocol?: number;
  /** Octets of the quoted packet. */
  readonly quoted?: number;
}

/** An ICMPv6 error about a packet of ours, as a frame with octets behind it. */
function error({ type = icmp6.PACKET_TOO_BIG, mtu = 1400, from = OWN, protocol = PROTOCOL_GRE, quoted = 100 }: Told) {
  const packet = new Uint8Array(ipv6.SIZE + icmp6.SIZE + quoted);
  const at = ipv6.SIZE;
  ipv6.write(packet, 0, {
    ...{ payloadLength: packet.length - at, nextHeader: PROTOCOL_ICMP6, hopLimit: 64, source: ROUTER },
    destination: OWN,
  });
  icmp6.setType(packet, at, type);
  icmp6.setMtu(packet, at, mtu);
  const inner = new Uint8Array(ipv6.SIZE);
  ipv6.write(inner, 0, { payloadLength: 1460, nextHeader: protocol, hopLimit: 60, source: from, destination: END });
  packet.set(inner.subarray(0, quoted), at + icmp6.SIZE);
  icmp6.writeChecksum(packet, 0, at, packet.length);
  return frame(MAC, MAC, ETHERTYPE_IPV6, Uint8Array.of(...packet, 0, 0, 0));
}

describe("ICMPv6 errors about tunnel packets", () => {
  test("name the tunnel and what it takes (RFC 4443 §3.2)", () => {
    expect(readTunnelError(error({}), OWN)).toEqual({ kind: "too-big", end: END, mtu: 1400 });
    for (const type of [icmp6.DESTINATION_UNREACHABLE, icmp6.TIME_EXCEEDED, icmp6.PARAMETER_PROBLEM])
      expect(readTunnelError(error({ type }), OWN)).toEqual({ kind: "unreachable", end: END });
  });

  test("about other packets, other senders', cut short, damaged, or no errors are none", () => {
    expect(readTunnelError(error({ protocol: PROTOCOL_UDP }), OWN)).toBeUndefined();
    expect(readTunnelError(error({ from: END }), OWN)).toBeUndefined();
    expect(readTunnelError(error({ type: icmp6.ECHO_REQUEST }), OWN)).toBeUndefined();
    expect(readTunnelError(error({ quoted: 39 }), OWN)).toBeUndefined();
    const whole = error({});
    for (let i = 14; i < whole.length - 3; i++) {
      const damaged = whole.slice();
      damaged[i]! ^= 0x10;
      const read = readTunnelError(damaged, OWN);
      // Traffic class, flow label and hop limit are in no checksum; a longer packet would not be whole.
      if (![14, 15, 16, 17, 21].includes(i)) expect(read).toBeUndefined();
    }
    for (let i = 0; i < whole.length - 3; i++) expect(readTunnelError(whole.subarray(0, i), OWN)).toBeUndefined();
  });
});

describe("path MTUs of tunnels (RFC 8201)", () => {
  const world = () => {
    const tunnels = new Tunnels(createTunnelTable(4));
    let changes = 0;
    const mtus = new PathMtus(tunnels, () => changes++);
    return { tunnels, mtus, tunnel: tunnels.add(END), changes: () => changes };
  };

  test("come down by what is told, never up, and never below what inner packets of 1280 octets need (§4)", () => {
    const { mtus, tunnel, changes } = world();
    expect(mtus.mtu(tunnel)).toBeUndefined();
    expect(mtus.heard({ kind: "too-big", end: END, mtu: 1400 }, 0)).toBe(true);
    expect([mtus.mtu(tunnel), changes()]).toEqual([1400, 1]);
    mtus.heard({ kind: "too-big", end: END, mtu: 1500 }, 1);
    expect([mtus.mtu(tunnel), changes()]).toEqual([1400, 1]);
    mtus.heard({ kind: "too-big", end: END, mtu: 68 }, 2);
    expect([mtus.mtu(tunnel), changes()]).toEqual([1328, 2]);
    expect(mtus.troubles(END)).toEqual({ tooBig: 3, unreachable: 0 });
  });

  test("are forgotten after ten minutes (§4)", () => {
    const { mtus, tunnel, changes } = world();
    mtus.heard({ kind: "too-big", end: END, mtu: 1400 }, 1000);
    mtus.sweep(600_000);
    expect(mtus.mtu(tunnel)).toBe(1400);
    mtus.sweep(601_000);
    expect([mtus.mtu(tunnel), changes()]).toEqual([undefined, 2]);
  });

  test("are none of other addresses', and unreachable ends are counted", () => {
    const { mtus, tunnels, tunnel } = world();
    expect(mtus.heard({ kind: "too-big", end: ROUTER, mtu: 1400 }, 0)).toBe(false);
    mtus.heard({ kind: "unreachable", end: END }, 0);
    expect(mtus.troubles(END).unreachable).toBe(1);
    tunnels.remove(tunnel);
    mtus.sweep(0);
    expect(mtus.troubles(END).unreachable).toBe(0);
  });
});

describe("mobility messages in frames", () => {
  const MESSAGE = { source: toHex(OWN), destination: toHex(END), octets: Uint8Array.of(59, 0, 5, 0, 0xab, 0xcd, 1, 2) };

  test("go out as IPv6 with protocol 135 and come in as they went out (RFC 6275 §6.1.1)", () => {
    const sent = frameOf(MESSAGE);
    expect([sent[12], sent[13], ipv6.nextHeader(sent, 14), ipv6.hopLimit(sent, 14)]).toEqual([0x86, 0xdd, 135, 64]);
    expect(readFrame(Uint8Array.of(...sent, 0, 0))).toEqual(MESSAGE);
  });

  test("behind extension headers are refused, and other packets are somebody else's", () => {
    const fragmented = new Uint8Array(14 + ipv6.SIZE + 8 + 8);
    fragmented.set(frameOf({ ...MESSAGE, octets: new Uint8Array(16) }));
    fragmented[14 + 6] = PROTOCOL_FRAGMENT;
    fragmented[14 + ipv6.SIZE] = PROTOCOL_MOBILITY;
    expect(readFrame(fragmented)).toBe("refused");
    expect(readFrame(error({}))).toBe("other");
    const whole = frameOf(MESSAGE);
    for (let i = 0; i < whole.length; i++) expect(readFrame(whole.subarray(0, i))).toBe("other");
  });
});
