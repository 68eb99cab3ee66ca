/** Frames of all kinds and none, for tests that ask what holds for every one of them. */
import { nextBelow, nextOctets, type Random } from "#base/random";
import { GSO_TCPV4, GSO_UDP_L4 } from "#fastpath/frame";
import { fromSeed } from "#fastpath/testing/choices";
import { generate4, generate6 } from "#fastpath/testing/generate";
import { generateOffloaded } from "#fastpath/testing/generate-offload";
import { framed } from "#fastpath/testing/packet";
import { BLUE, GATEWAY_MAC, NEXT_HOP_MAC, type Offload, UPLINK_MAC, VM_A } from "#fastpath/testing/small-router";
import { tunnelFrame } from "#fastpath/testing/tunnel-packets";
import { HOSTS } from "#fastpath/translation/small-world";

/** A small router's ports. */
const PORTS = 9;

/** What a port may bring. */
export interface AnyFrame {
  readonly port: number;
  readonly frame: Uint8Array;
  readonly offload: Offload;
}

export const fromVm = (packet: Uint8Array): Uint8Array => framed(packet, GATEWAY_MAC, VM_A.mac);
export const fromFabric = (packet: Uint8Array): Uint8Array => framed(packet, UPLINK_MAC, NEXT_HOP_MAC);

/** Packets of all kinds and none, whole and unfinished, from where they belong and from elsewhere. */
export function anyFrame(random: Random): AnyFrame {
  const c = fromSeed(nextBelow(random, 2 ** 32));
  const wish = { hosts: HOSTS, mtu: 1500, broken: 10 };
  const isOut = c.below(2) === 0;
  const framedBy = isOut ? fromVm : fromFabric;
  const port = c.below(10) === 0 ? c.below(PORTS) : isOut ? VM_A.port : 0;
  switch (c.below(8)) {
    case 0:
      return { port, frame: nextOctets(random, c.below(120)), offload: {} };
    case 1: {
      const { packet, offload } = generateOffloaded(c, wish, !isOut);
      return { port, frame: framedBy(packet), offload };
    }
    case 2: {
      // What offloading is asked for is wrong, or there is nothing to cut.
      const { packet, offload } = generateOffloaded(c, wish, !isOut);
      const gsoType = c.below(2) === 0 ? GSO_TCPV4 : GSO_UDP_L4;
      const cut = c.below(3) === 0 ? packet.subarray(0, c.below(packet.length)) : packet;
      return { port, frame: framedBy(cut), offload: { ...offload, gsoType, gsoSize: c.below(100) } };
    }
    case 3:
      return { port: 0, frame: tunnelFrame(generate6(c, wish), { key: BLUE }), offload: {} };
    case 4: {
      const frame = framedBy(generate4(c, wish));
      frame[12 + c.below(2)] = c.below(256);
      return { port, frame, offload: {} };
    }
    default:
      return { port, frame: framedBy(isOut ? generate4(c, wish) : generate6(c, wish)), offload: {} };
  }
}
