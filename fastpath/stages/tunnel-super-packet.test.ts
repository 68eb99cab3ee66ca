/** Super-packets in tunnels: whole where the port takes them, else cut; of whoever's tunnel. */
import { describe, expect, test } from "bun:test";
import { GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4 } from "#fastpath/frame";
import { udp } from "#fastpath/testing/ipv6-vms";
import { build4, build6, counting, framed, type Ip6 } from "#fastpath/testing/packet";
import {
  BLUE,
  FABRIC_ROUTER,
  GATEWAY_MAC,
  type KeepingPort,
  MAG,
  NEXT_HOP_MAC,
  type Offload,
  REMOTE,
  REMOTE_IPV4,
  type Sent,
  SmallRouter,
  type SmallRouterOptions,
  UPLINK_MAC,
  VM_A,
} from "#fastpath/testing/small-router";
import { ipv4, labelOf, out, tcp, tunnelFrame, tunnelled } from "#fastpath/testing/tunnel-packets";
import { networkAddress } from "#policy/homes";

const HEADERS = 14 + 48 + 40;
const TCP_IN_TUNNEL = { partial: true, csumStart: HEADERS, csumOffset: 16, gsoType: GSO_TCPV6, gsoSize: 1000 };
const DATA = counting(4000);
const partial = { ...tcp({ sequence: 7, data: DATA }), checksum: "partial" as const };

/** A router whose uplink takes super-packets in tunnels, unless it is not to. */
function router(tunnels = true, options: SmallRouterOptions = {}): SmallRouter {
  const r = new SmallRouter(options);
  (r.engine.ports[0] as KeepingPort).tunnels = tunnels;
  r.bind(BLUE, REMOTE_IPV4);
  return r;
}

const requestOf = ({ partial, csumStart, csumOffset, gsoType, gsoSize }: Sent): Offload => ({
  ...{ partial, csumStart, csumOffset, gsoType, gsoSize },
});

describe("a sender", () => {
  test("hands on whole what its port takes, with the request about the packet in the tunnel", () => {
    const r = router();
    for (const _ of [1, 2]) {
      const sent = r.offer(1, ipv4(partial), { ...TCP_IN_TUNNEL, csumStart: 34, gsoType: GSO_TCPV4 });
      expect(sent.map(requestOf)).toEqual([TCP_IN_TUNNEL]);
      const flowLabel = labelOf(sent[0]!.octets);
      const inner = build6({ source: VM_A.address, destination: REMOTE, hopLimit: 63, flowLabel, upper: partial });
      expect(sent[0]!.octets).toEqual(out(tunnelled(inner, { key: BLUE, flowLabel })));
    }
    expect(r.tunnels.counters(r.tunnels.find(MAG)).packets).toBe(8); // of four segments each
    expect(r.endings(1)).toEqual({ "to-fabric": 2 });
  });

  test("datagrams too", () => {
    const upper = { ...udp({ data: counting(2500) }), checksum: "partial" as const };
    const request = { partial: true, csumStart: 34, csumOffset: 6, gsoType: GSO_UDP_L4, gsoSize: 1000 };
    expect(router().offer(1, ipv4(upper), request).map(requestOf)).toEqual([{ ...request, csumStart: HEADERS }]);
  });

  test("cuts what is longer than a tunnel can say", () => {
    const data = counting(65_535 - 40);
    const request = { ...TCP_IN_TUNNEL, csumStart: 34, gsoType: GSO_TCPV4 };
    const sent = router().offer(1, ipv4({ ...tcp({ data }), checksum: "partial" }), request);
    expect(sent.length).toBe(Math.ceil(data.length / 1000));
    expect(new Set(sent.map(({ gsoType }) => gsoType))).toEqual(new Set([0]));
    const longest = router().offer(1, ipv4({ ...tcp({ data: data.slice(28) }), checksum: "partial" }), request);
    expect(longest.length).toBe(1);
  });
});

const to: Ip6 = {
  source: REMOTE,
  destination: networkAddress(VM_A.address.slice(0, 8), BLUE, VM_A.ipv4),
  upper: partial,
};

test("a receiver takes it out as it is", () => {
  const sent = router().offer(0, tunnelFrame(build6({ ...to, hopLimit: 9 }), { key: BLUE }), TCP_IN_TUNNEL);
  expect(sent.map((each) => [each.port, requestOf(each)])).toEqual([
    [1, { ...TCP_IN_TUNNEL, csumStart: 34, gsoType: GSO_TCPV4 }],
  ]);
  const inner = { source: REMOTE_IPV4, destination: VM_A.ipv4, ttl: 8, dontFragment: true, upper: partial };
  expect(sent[0]!.octets).toEqual(framed(build4({ ...inner, identification: 0 }), VM_A.mac, GATEWAY_MAC));
});

describe("a router in between", () => {
  const elsewhere = { key: BLUE, destination: FABRIC_ROUTER, flowLabel: 5, hopLimit: 9 };
  const frame = tunnelFrame(build6(to), elsewhere);
  const onItsWay = (inner: Ip6): Uint8Array =>
    framed(tunnelled(build6(inner), { ...elsewhere, source: MAG, hopLimit: 8 }), NEXT_HOP_MAC, UPLINK_MAC);

  test("hands it on whole where the port takes it", () => {
    const r = router();
    for (const _ of [1, 2]) {
      const sent = r.offer(0, frame, TCP_IN_TUNNEL);
      expect(sent.map(requestOf)).toEqual([TCP_IN_TUNNEL]);
      expect(sent[0]!.octets).toEqual(onItsWay(to));
    }
    expect(r.endings(0)).toEqual({ transit: 2 });
  });

  test.each([true, false])("cuts it where the port does not, checksums being the port's to finish: %p", (offload) => {
    const sent = router(false, { offload }).offer(0, frame, TCP_IN_TUNNEL);
    const expected = [0, 1000, 2000, 3000].map((done) =>
      onItsWay({
        ...to,
        upper: {
          ...tcp({ sequence: 7 + done, data: DATA.slice(done, done + 1000) }),
          checksum: offload ? "partial" : "right",
        },
      }),
    );
    expect(sent.map(({ octets }) => octets)).toEqual(expected);
  });

  test("says what fits when its segments do not (RFC 4443 §3.2)", () => {
    const sent = router().offer(0, frame, { ...TCP_IN_TUNNEL, gsoSize: 1400 });
    expect(sent.map(({ octets }) => octets[54])).toEqual([2]);
  });

  test.each<[string, Uint8Array, Offload]>([
    ["about another header", frame, { ...TCP_IN_TUNNEL, csumStart: HEADERS + 4 }],
    ["about another field", frame, { ...TCP_IN_TUNNEL, csumOffset: 6 }],
    ["about another protocol", frame, { ...TCP_IN_TUNNEL, gsoType: GSO_UDP_L4 }],
    ["of no segments", frame, { ...TCP_IN_TUNNEL, gsoSize: 0 }],
    ["without a checksum to finish", frame, { ...TCP_IN_TUNNEL, partial: false }],
    ["about a tunnel unlike ours", tunnelFrame(build6(to), { ...elsewhere, protocolType: 0x0800 }), TCP_IN_TUNNEL],
    ["about no payload", tunnelFrame(build6({ ...to, upper: tcp({ data: counting(0) }) }), elsewhere), TCP_IN_TUNNEL],
    ["about what is cut off", tunnelFrame(build6(to).slice(0, 50), elsewhere), TCP_IN_TUNNEL],
    [
      "about what is neither TCP nor UDP",
      tunnelFrame(build6({ ...to, upper: { kind: "raw", protocol: 50, data: counting(2000) } }), elsewhere),
      TCP_IN_TUNNEL,
    ],
  ])("refuses a request %s", (_, octets, request) => {
    expect(router().offer(0, octets, request)).toEqual([]);
    const r = router();
    r.offer(0, octets, request);
    expect(Object.keys(r.endings(0))).toEqual(["bad-offload"]);
  });
});
