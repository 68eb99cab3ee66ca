/** Packets as an offloading VM or NIC hands them over: partial checksums, and super-packets to be cut (virtio 1.2 §5.1.6.2). */
import { GSO_ECN, GSO_NONE, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4 } from "#fastpath/frame";
import { between, type Choices, chance, data, pick } from "#fastpath/testing/choices";
import type { Wish } from "#fastpath/testing/generate";
import { build4, build6, type Upper } from "#fastpath/testing/packet";
import type { Offload } from "#fastpath/testing/small-router";

export interface Offloaded {
  /** Its checksum field holds the pseudo-header's sum. */
  readonly packet: Uint8Array;
  readonly offload: Required<Offload>;
}

/** A TCP or UDP packet of the VM's, or for it, with work left to do. No lies: those are the classifier's tests. */
export function generateOffloaded(c: Choices, { hosts, mtu }: Wish, ipv6: boolean): Offloaded {
  const gso = chance(c, 70);
  const segment = between(c, 100, Math.max(101, mtu - (chance(c, 20) ? 0 : 100)));
  const octets = gso ? segment + c.below(Math.min(20 * segment, 60000) - segment) : c.below(mtu);
  const { kind, upper } = transport(c, octets);
  const peer = pick(c, hosts.peers);
  const hops = chance(c, 5) ? 1 : between(c, 2, 64);
  const tos = c.below(256);
  const packet = ipv6
    ? build6({ source: peer.ipv6, destination: hosts.vm6, hopLimit: hops, trafficClass: tos, upper })
    : build4({
        source: hosts.vm4,
        destination: peer.ipv4,
        ttl: hops,
        tos,
        identification: c.below(65536),
        dontFragment: chance(c, 70),
        upper,
      });
  const type = kind === "udp" ? GSO_UDP_L4 : (ipv6 ? GSO_TCPV6 : GSO_TCPV4) | (chance(c, 20) ? GSO_ECN : 0);
  return {
    packet,
    offload: {
      partial: true,
      csumStart: 14 + (ipv6 ? 40 : 20),
      csumOffset: kind === "udp" ? 6 : 16,
      gsoType: gso ? type : GSO_NONE,
      gsoSize: gso ? segment : 0,
    },
  };
}

function transport(c: Choices, octets: number): { kind: "tcp" | "udp"; upper: Upper } {
  const kind = pick(c, ["tcp", "udp"] as const);
  const common = { source: c.below(65536), destination: 443, data: data(c, octets), checksum: "partial" } as const;
  if (kind === "udp") return { kind, upper: { kind, ...common } };
  const options = chance(c, 50) ? Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2) : new Uint8Array(0);
  const flags = pick(c, [16, 24, 25, 0x90]);
  return { kind, upper: { kind, ...common, options, flags, sequence: c.below(2 ** 32) } };
}
