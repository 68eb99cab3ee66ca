/** The golden world as the oracle is told of it. */
import { same } from "../oracle/octets";
import type { InboundContext, Mapped, OutboundContext } from "../oracle/outcome";
import type { GoldenCase } from "./case";
import { FABRIC_ROUTER6, GENERATED, LABEL, NOBODY6, PEER, PEER6, RED6, VM, VM6 } from "./world";

export const outboundContext = ({ fabricMtu, vmMtu }: GoldenCase): OutboundContext => ({
  fabricMtu,
  vmMtu,
  mapSource: (address): Mapped => (same(address, VM) ? VM6 : "spoofed-source"),
  mapDestination: (address): Mapped => (same(address, PEER) ? PEER6 : "no-network-route"),
  flowLabel: () => LABEL,
});

export const inboundContext = ({ fabricMtu, vmMtu }: GoldenCase): InboundContext => ({
  fabricMtu,
  vmMtu,
  mapSource: (address): Mapped => (same(address, PEER6) ? PEER : same(address, RED6) ? "no-rule" : "outside-source"),
  mapDestination: (address): Mapped => (same(address, VM6) ? VM : same(address, NOBODY6) ? "no-such-vm" : "multicast"),
  isFabricRouter: (address) => same(address, FABRIC_ROUTER6),
  nextIdentification: () => GENERATED,
});
