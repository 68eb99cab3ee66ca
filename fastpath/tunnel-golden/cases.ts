/** Tunnels as octets: what comes in, what goes out. The captures beside are made of these cases (write.ts). */
import { GSO_TCPV4 } from "#fastpath/frame";
import { fromVm, udp } from "#fastpath/testing/ipv6-vms";
import { build4, build6, counting, framed } from "#fastpath/testing/packet";
import {
  BLUE,
  GATEWAY,
  GATEWAY_MAC,
  type Offload,
  REMOTE,
  REMOTE_6,
  REMOTE_IPV4,
  ROUTER_ADDRESS,
  type SmallRouter,
  VM_A,
  VM_D,
  VM_G,
} from "#fastpath/testing/small-router";
import {
  AWAY,
  AWAY_IPV4,
  ipv4,
  native,
  OTHER_MAG,
  out,
  PEER,
  PEER_6,
  syn,
  tcp,
  tunnelFrame,
  tunnelled,
} from "#fastpath/testing/tunnel-packets";

export interface TunnelCase {
  /** The stem of its captures. */
  readonly name: string;
  /** A sentence that cites its source. */
  readonly title: string;
  /** What control knows. */
  readonly setUp: (router: SmallRouter) => void;
  readonly port: number;
  readonly input: Uint8Array;
  readonly offload?: Offload;
  readonly output: readonly Uint8Array[];
}

/** Hashes of the flows: the same on every router, and after every restart (RFC 6438 §3). */
const LABEL_A = 0x94196;
const LABEL_A_TCP = 0x77f12;
const LABEL_D = 0x95c98;
const LABEL_IN = 0x91549;
const LABEL_PEER = 0xb21e5;

const fromA = { source: VM_A.address, destination: REMOTE, hopLimit: 63 };
const bindRemote = (r: SmallRouter): void => {
  r.bind(BLUE, REMOTE_IPV4);
};
const entry = (inner: Uint8Array, flowLabel: number): Uint8Array => out(tunnelled(inner, { key: BLUE, flowLabel }));
const data = counting(3000);
const large = ipv4(udp({ data: counting(1405) }), { identification: 3 });

export const CASES: readonly TunnelCase[] = [
  {
    name: "entry-ipv4",
    title:
      "an IPv4 VM's packet leaves translated, in GRE with the receiver's tags as key, the traffic class copied (RFC 2890 §2, RFC 7676 §3, RFC 2983 §3)",
    setUp: bindRemote,
    port: 1,
    input: ipv4(udp(), { tos: 0x2e }),
    output: [
      out(
        tunnelled(build6({ ...fromA, upper: udp(), trafficClass: 0x2e, flowLabel: LABEL_A }), {
          ...{ key: BLUE, flowLabel: LABEL_A, trafficClass: 0x2e },
        }),
      ),
    ],
  },
  {
    name: "entry-ipv6",
    title: "an IPv6 VM's packet leaves as it is, one hop less (RFC 8200 §3)",
    setUp: (r) => {
      r.bind(BLUE, REMOTE_6);
    },
    port: 5,
    input: fromVm(VM_D, udp(), { flowLabel: 0x12345 }),
    output: [
      entry(
        build6({ source: VM_D.ipv6[0]!, destination: REMOTE_6, upper: udp(), flowLabel: 0x12345, hopLimit: 63 }),
        LABEL_D,
      ),
    ],
  },
  {
    name: "entry-segments",
    title: "a super-packet leaves in segments that fit, FIN and PSH on the last (RFC 9293 §3.7)",
    setUp: bindRemote,
    port: 1,
    input: ipv4({ ...tcp({ flags: 0x19, sequence: 1000, data }), checksum: "partial" }),
    offload: { partial: true, csumStart: 34, csumOffset: 16, gsoType: GSO_TCPV4, gsoSize: 1460 },
    output: [0, 1392, 2784].map((done) =>
      entry(
        build6({
          ...fromA,
          flowLabel: LABEL_A_TCP,
          upper: tcp({
            flags: done < 2784 ? 0x10 : 0x19,
            sequence: 1000 + done,
            data: data.slice(done, done + 1392),
          }),
        }),
        LABEL_A_TCP,
      ),
    ),
  },
  {
    name: "entry-syn",
    title: "a SYN's MSS is what fits the tunnel (RFC 9293 §3.7.1)",
    setUp: bindRemote,
    port: 1,
    input: ipv4(syn(1460)),
    output: [entry(build6({ ...fromA, upper: syn(1392), flowLabel: LABEL_A_TCP }), LABEL_A_TCP)],
  },
  {
    name: "entry-too-big",
    title: "what does not fit is refused with the MTU that does (RFC 1191 §4)",
    setUp: bindRemote,
    port: 1,
    input: large,
    output: [
      framed(
        build4({
          ...{ source: GATEWAY, destination: VM_A.ipv4, tos: 0xc0, identification: 2 },
          upper: { kind: "icmp", type: 3, code: 4, rest: 1432, body: large.slice(14, 14 + 548) },
        }),
        VM_A.mac,
        GATEWAY_MAC,
      ),
    ],
  },
  {
    name: "relay-home",
    title: "the home sends what comes for a VM that moved on in a tunnel (RFC 5213 §5.6.2)",
    setUp: (r) => {
      r.bind(BLUE, AWAY_IPV4);
    },
    port: 0,
    input: native(build6({ source: PEER, destination: AWAY, upper: udp(), flowLabel: 0x777 })),
    output: [
      entry(build6({ source: PEER, destination: AWAY, upper: udp(), flowLabel: 0x777, hopLimit: 63 }), LABEL_IN),
    ],
  },
  {
    name: "relay-former",
    title: "where the VM was, stragglers go on from tunnel to tunnel (RFC 2473 §3.3)",
    setUp: (r) => {
      r.bind(BLUE, REMOTE_IPV4, OTHER_MAG);
    },
    port: 0,
    input: tunnelFrame(build6({ source: PEER, destination: REMOTE, upper: udp(), flowLabel: 0x777 }), { key: BLUE }),
    output: [
      out(
        tunnelled(build6({ source: PEER, destination: REMOTE, upper: udp(), flowLabel: 0x777, hopLimit: 63 }), {
          ...{ key: BLUE, destination: OTHER_MAG, flowLabel: LABEL_PEER },
        }),
      ),
    ],
  },
  {
    name: "end-ipv4",
    title: "an IPv4 VM gets its packet translated, hops counted natively (RFC 7915 §5.1)",
    setUp: () => {},
    port: 0,
    input: tunnelFrame(build6({ source: PEER, destination: VM_G.address, upper: udp({ data: counting(1300) }) }), {
      key: BLUE,
    }),
    output: [
      framed(
        build4({
          ...{ source: PEER.slice(12), destination: VM_G.ipv4!, dontFragment: true, ttl: 63 },
          upper: udp({ data: counting(1300) }),
        }),
        VM_G.mac,
        GATEWAY_MAC,
      ),
    ],
  },
  {
    name: "end-ipv6",
    title: "an IPv6 VM gets its packet as it is, one hop less (RFC 8200 §3)",
    setUp: () => {},
    port: 0,
    input: tunnelFrame(build6({ source: PEER_6, destination: VM_G.ipv6[0]!, upper: udp() }), { key: BLUE }),
    output: [
      framed(build6({ source: PEER_6, destination: VM_G.ipv6[0]!, upper: udp(), hopLimit: 63 }), VM_G.mac, GATEWAY_MAC),
    ],
  },
  {
    name: "end-error",
    title: "an error about what came in a tunnel goes to its sender natively (RFC 4443 §3.3)",
    setUp: () => {},
    port: 0,
    input: tunnelFrame(build6({ source: PEER, destination: VM_G.address, upper: udp(), hopLimit: 1 }), { key: BLUE }),
    output: [
      out(
        build6({
          ...{ source: ROUTER_ADDRESS, destination: PEER },
          upper: {
            ...{ kind: "icmp", type: 3, code: 0 },
            body: build6({ source: PEER, destination: VM_G.address, upper: udp(), hopLimit: 1 }),
          },
        }),
      ),
    ],
  },
];
