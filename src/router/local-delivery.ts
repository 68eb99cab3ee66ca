/** What reaches the router's own addresses and is no neighbor discovery: pings are answered, the rest is dropped. */

import { isLinkLocal6 } from "#base/address";
import { INJECT_ORIGINATE } from "#fastpath/shared";
import { CONTROL_IGNORED } from "#fastpath/verdicts";
import type { PortState } from "#router/ports";
import { ownFrame, type ServicesIo, sendFrame } from "#router/services-io";
import { echoReply4, echoReply6 } from "#services/echo";
import { SIZE as ETHERNET, ETHERTYPE_IPV4, etherType } from "#wire/ethernet";
import { DESTINATION, SIZE as IPV6 } from "#wire/ipv6";

export class LocalDelivery {
  private readonly io: ServicesIo;
  private readonly address: Uint8Array;

  constructor(io: ServicesIo, address: Uint8Array) {
    this.io = io;
    this.address = address;
  }

  take(port: PortState, octets: Uint8Array): void {
    const isIpv4 = etherType(octets, 0) === ETHERTYPE_IPV4;
    const reply = isIpv4 ? echoReply4(octets) : echoReply6(octets, this.address);
    if (reply === undefined) {
      this.io.lost(port.index, CONTROL_IGNORED, octets);
      return;
    }
    if (port.kind === "vm" || port.kind === "outside") {
      sendFrame(this.io, port.index, reply);
      return;
    }
    const to = reply.subarray(ETHERNET + DESTINATION, ETHERNET + IPV6);
    // A link-local address means nothing to the routing table: back to whoever's MAC it came from.
    if (isLinkLocal6(to)) sendFrame(this.io, port.index, reply);
    else this.io.inject(ownFrame(port.index, reply), reply, INJECT_ORIGINATE);
  }
}
