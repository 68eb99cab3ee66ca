/**
 * Fragmented echo, where AIN goes beyond RFC 7915 §1.2: on the wire the ICMPv6 checksum leaves the length out, since no
 * fragment knows it; between two AIN translators it is whole again. See ../decisions.md, "Transport".
 */
import { counting, fragments4, fragments6, type Icmp } from "#fastpath/testing/packet";
import { becomes, type GoldenCase, inbound, outbound } from "./case";
import { fromVm, GENERATED, LABEL, PEER, PEER6, toFabric, VM, VM6 } from "./world";

const OCTETS = 2000;
const request: Icmp = { kind: "icmp", type: 8, rest: 0x00070001, body: counting(OCTETS - 8) };
const request6: Icmp = { ...request, type: 128 };

/** The message in IPv6 with a checksum that counts its length as 0. */
function lengthless(right: Uint8Array): Icmp {
  const checksum = (right[42]! << 8) | right[43]!;
  return { ...request6, checksum: (checksum + OCTETS) % 0xffff };
}

const sent6 = { source: VM6, destination: PEER6, hopLimit: 63, flowLabel: LABEL };
const sent6Upper = lengthless(toFabric(request6));
const heard6 = { source: PEER6, destination: VM6 };
const heard6Upper = lengthless(toFabric(request6, heard6));

const paired = (before: readonly Uint8Array[], after: readonly Uint8Array[]) =>
  before.map((packet, i) => becomes(packet, after[i]!));

export const FRAGMENTED_ECHO: readonly GoldenCase[] = [
  outbound(
    "1.2-fragmented-echo",
    "The VM's own fragments of an echo are translated with a checksum that has no length",
    paired(
      fragments4({ source: VM, destination: PEER, identification: 7, upper: request }, 1448),
      fragments6({ ...sent6, upper: sent6Upper }, 1448, 7),
    ),
  ),
  outbound(
    "1.2-cut-echo",
    "so are the pieces of an echo that is cut here",
    [
      becomes(
        fromVm(request, { dontFragment: false, identification: 7 }),
        ...fragments6({ ...sent6, upper: sent6Upper }, 1448, 7),
      ),
    ],
    { vmMtu: 9000 },
  ),
  inbound(
    "1.2-restored-echo",
    "and the other end restores the VM's checksum",
    paired(
      fragments6({ ...heard6, upper: heard6Upper }, 1448, 7),
      fragments4({ source: PEER, destination: VM, ttl: 63, identification: 7, upper: request }, 1448),
    ),
  ),
  inbound(
    "1.2-cut-later",
    "An echo that is cut on the IPv4 side was whole and keeps its length",
    [
      becomes(
        toFabric({ ...request6, body: counting(1200) }, { ...heard6, hopLimit: 64 }),
        ...fragments4(
          {
            source: PEER,
            destination: VM,
            ttl: 63,
            identification: GENERATED,
            upper: { ...request, body: counting(1200) },
          },
          976,
        ),
      ),
    ],
    { vmMtu: 1000 },
  ),
];
