import { describe, expect, test } from "bun:test";
import { finish, sum } from "#base/checksum";
import { FABRIC_ROUTER, NEXT_HOP_MAC, ROUTER_ADDRESS, SmallRouter, UPLINK_MAC } from "#fastpath/testing/small-router";
import { ETHERTYPE_IPV6, frame } from "#wire/ethernet";
import * as ipv6 from "#wire/ipv6";
import { PROTOCOL_UDP } from "#wire/protocol";
import * as udp from "#wire/udp";

/** UDP for this router itself, from a router next to it. */
function datagram(port: number, hopLimit: number, checksum = true): Uint8Array {
  const length = udp.SIZE + 24;
  const b = new Uint8Array(ipv6.SIZE + length);
  const addresses = { source: FABRIC_ROUTER, destination: ROUTER_ADDRESS };
  ipv6.write(b, 0, { payloadLength: length, nextHeader: PROTOCOL_UDP, hopLimit, ...addresses });
  udp.setSourcePort(b, ipv6.SIZE, 49152);
  udp.setDestinationPort(b, ipv6.SIZE, port);
  udp.setLength(b, ipv6.SIZE, length);
  const total = sum(b, ipv6.SIZE, length, ipv6.pseudoHeader(b, 0, PROTOCOL_UDP, length));
  if (checksum) udp.setChecksum(b, ipv6.SIZE, finish(total));
  return frame(UPLINK_MAC, NEXT_HOP_MAC, ETHERTYPE_IPV6, b);
}

describe("UDP for the router itself", () => {
  test.each([
    ["a neighbor's BFD Control packet ends in silence (RFC 5881 §4)", datagram(3784, 255), "bfd", 0],
    ["one that was forwarded is no neighbor's (RFC 5881 §5)", datagram(3784, 254), "no-listener", 1],
    ["one without a checksum is none that BFD takes", datagram(3784, 255, false), "no-listener", 1],
    ["BFD's Echo is not spoken", datagram(3785, 255), "no-listener", 1],
    ["a port whose octets are the other way around is another", datagram(0xc80e, 255), "no-listener", 1],
  ])("%s", (_, octets, ending, answers) => {
    const router = new SmallRouter();
    const sent = router.offer(0, octets);
    expect(Object.keys(router.endings(0))).toContain(ending);
    expect(sent.length).toBe(answers);
    expect(router.punted.length).toBe(0);
  });
});
