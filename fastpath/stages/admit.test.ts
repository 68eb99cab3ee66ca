import { expect, test } from "bun:test";
import { together } from "#fastpath/testing/packet";
import { GATEWAY, SmallRouter, VM_A, VM_B } from "#fastpath/testing/small-router";
import * as arp from "#wire/arp";
import { BROADCAST, ETHERTYPE_ARP, frame } from "#wire/ethernet";

const NOBODY = new Uint8Array(4);

/** A request for the gateway's MAC that came by VM A's port. */
function request(claims: { mac?: Uint8Array; from?: Uint8Array; address?: Uint8Array }): Uint8Array {
  const payload = new Uint8Array(arp.SIZE);
  arp.write(payload, 0, {
    operation: arp.REQUEST,
    senderHardware: claims.mac ?? VM_A.mac,
    senderProtocol: claims.address ?? VM_A.ipv4,
    targetHardware: new Uint8Array(6),
    targetProtocol: GATEWAY,
  });
  return frame(BROADCAST, claims.from ?? claims.mac ?? VM_A.mac, ETHERTYPE_ARP, payload);
}

const endingOf = (octets: Uint8Array, macIsFixed: boolean): string[] => {
  const router = new SmallRouter({ macIsFixed });
  router.offer(1, octets);
  return Object.keys(router.endings(1));
};

for (const [title, octets, learnt, fixed] of [
  ["of the VM's own is for the control thread", request({}), "punt-arp", "punt-arp"],
  ["that probes is too (RFC 5227 §2.1.1)", request({ address: NOBODY }), "punt-arp", "punt-arp"],
  ["of another address is spoofed", request({ address: VM_B.ipv4 }), "spoofed-source", "spoofed-source"],
  ["of the gateway's address is spoofed", request({ address: GATEWAY }), "spoofed-source", "spoofed-source"],
  [
    "of another MAC than its frame's is spoofed",
    request({ mac: VM_B.mac, from: VM_A.mac }),
    "spoofed-mac",
    "spoofed-mac",
  ],
  ["from another MAC is spoofed where the VM's is configured", request({ mac: VM_B.mac }), "punt-arp", "spoofed-mac"],
  ["with octets behind it is right: Ethernet pads", together(request({}), new Uint8Array(18)), "punt-arp", "punt-arp"],
  ["cut short is none", request({}).subarray(0, 41), "truncated", "truncated"],
] as const) {
  test(`an ARP message ${title}`, () => {
    expect([endingOf(octets, false), endingOf(octets, true)]).toEqual([[learnt], [fixed]]);
  });
}
