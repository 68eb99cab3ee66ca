/** For tests: what the small router's IPv6 VMs send and are sent, and how it ends. */
import { parseIpv6 } from "#base/address";
import { build6, counting, framed, type Icmp, type Ip6, type Udp, type Upper } from "#fastpath/testing/packet";
import {
  GATEWAY_MAC,
  NEXT_HOP_MAC,
  REMOTE_6,
  type SmallRouter,
  type SmallVm6,
  UPLINK_MAC,
  VM_D,
} from "#fastpath/testing/small-router";
import { multicastMac6 } from "#wire/ethernet";

export const ip = (text: string): Uint8Array => parseIpv6(text)!;
export const GATEWAY_6 = ip("fe80::1");
export const NOBODY_6 = ip("::");
/** What VM d calls itself on its link. */
export const LINK_LOCAL_D = ip("fe80::d");
export const udp = (more: Partial<Udp> = {}): Udp => ({ kind: "udp", data: counting(32), ...more });
export const icmp = (type: number, body = counting(16), more: Partial<Icmp> = {}): Icmp => ({
  ...{ kind: "icmp", type, body, ...more },
});

/** A frame of a VM's, from its first address, to the remote VM unless it says otherwise. */
export function fromVm(vm: SmallVm6, upper: Upper, more: Partial<Ip6> = {}, mac = vm.mac): Uint8Array {
  const packet: Ip6 = { source: vm.ipv6[0]!, destination: REMOTE_6, upper, ...more };
  const isGroup = packet.destination[0] === 0xff;
  return framed(build6(packet), isGroup ? multicastMac6(packet.destination) : GATEWAY_MAC, mac);
}

/** A frame of the fabric's, from the remote VM to VM d. */
export const fromFabric = (upper: Upper, more: Partial<Ip6> = {}): Uint8Array =>
  framed(build6({ source: REMOTE_6, destination: VM_D.ipv6[0]!, upper, ...more }), UPLINK_MAC, NEXT_HOP_MAC);

/** How a frame ended; an error that was sent about it into the fabric aside. */
export function ending(r: SmallRouter, port: number, octets: Uint8Array): string {
  const before = r.endings(port);
  r.offer(port, octets);
  const now = Object.entries(r.endings(port)).filter(([name, count]) => count !== (before[name] ?? 0));
  return now.find(([name]) => name !== "originated")?.[0] ?? "nothing";
}
