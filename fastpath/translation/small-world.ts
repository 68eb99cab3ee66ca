/** SmallRouter's world (fastpath/testing/small-router.ts) as the oracle and the generators are told of it. */
import { parseIpv4, parseIpv6 } from "#base/address";
import type { Hosts } from "#fastpath/testing/generate";
import {
  addressesAt,
  BLUE,
  FABRIC_ROUTER,
  GATEWAY,
  HOMES,
  KEY,
  RED,
  REMOTE,
  ROUTER_ADDRESS,
  VM_A,
  VM_B,
  VM_C,
  VM_G,
} from "#fastpath/testing/small-router";
import { homeOf, networkAddress } from "#policy/homes";
import { numberAt, same } from "./oracle/octets";
import type { InboundContext, Mapped, OutboundContext } from "./oracle/outcome";

export interface Mtus {
  readonly fabricMtu: number;
  readonly vmMtu: number;
}

const local = [VM_A, VM_B, VM_C];
const [otherHome] = [HOMES[1]!];
const plan = { key: KEY, homes: HOMES };

/** Which of the two homes an address of VM a's network has. */
export const homeOfBlue = (ipv4: Uint8Array): number => homeOf(plan, BLUE, ipv4);
const inPool = (ipv4: Uint8Array): boolean => ipv4[0] === 10 && ipv4[1] === 0 && ipv4[2] === 0;
const isInFabric = (address: Uint8Array): boolean => same(address.slice(0, 6), otherHome.slice(0, 6));
const tagsOf = (address: Uint8Array): number => numberAt(address, 8, 4);

export const HOSTS: Hosts = {
  vm4: VM_A.ipv4,
  vm6: VM_A.address,
  peers: addressesAt(1, BLUE, 4).map((ipv4) => ({ ipv4, ipv6: networkAddress(otherHome, BLUE, ipv4) })),
  wrong4: ["10.0.0.99", "172.16.0.1", "0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "250.0.0.1"].map(
    (text) => parseIpv4(text)!,
  ),
  wrong6: [
    networkAddress(otherHome, RED, REMOTE.slice(12)),
    networkAddress(HOMES[0]!, BLUE, parseIpv4("10.0.0.254")!),
    ...["2001:db8:ffff::1", "::", "::1", "ff02::99", "fe80::1"].map((text) => parseIpv6(text)!),
  ],
  routers6: [FABRIC_ROUTER],
};

/** VM a sends. */
export const outboundContext = ({ fabricMtu, vmMtu }: Mtus): OutboundContext => ({
  fabricMtu,
  vmMtu,
  mapSource: (address): Mapped => (same(address, VM_A.ipv4) ? VM_A.address : "spoofed-source"),
  mapDestination: (address): Mapped =>
    inPool(address) ? networkAddress(HOMES[homeOfBlue(address)]!, BLUE, address) : "no-network-route",
  flowLabel: () => 1,
});

/** Somebody sends to `destination`, an address at this home. */
export const inboundContext = ({ fabricMtu, vmMtu }: Mtus, destination: Uint8Array): InboundContext => ({
  fabricMtu,
  vmMtu,
  isFabricRouter: (address) => isInFabric(address) && tagsOf(address) === 0,
  mapSource(address): Mapped {
    if (!isInFabric(address)) return "outside-source";
    return tagsOf(address) === tagsOf(destination) ? address.slice(12) : "no-rule";
  },
  mapDestination(address): Mapped {
    const vm = local.find((candidate) => same(candidate.address.slice(8), address.slice(8)));
    return vm === undefined ? "no-such-vm" : vm.ipv4;
  },
  nextIdentification: () => 0,
});

/** True when an IPv4 packet of VM a's is for the gateway itself or a VM next door: no matter of translation. */
export function staysHere4(destination: Uint8Array): boolean {
  const isHere = same(destination, GATEWAY) || same(destination, VM_G.ipv4);
  return isHere || (inPool(destination) && homeOfBlue(destination) === 0);
}

/** True for addresses of this hypervisor's home prefix. */
export const isAtHome = (address: Uint8Array): boolean => same(address.slice(0, 8), HOMES[0]!.slice(0, 8));

/** True when an IPv6 packet is for this router itself, for a group or for another home: no matter of translation either. */
export function passesBy6(destination: Uint8Array): boolean {
  return same(destination, ROUTER_ADDRESS) || !isAtHome(destination);
}
