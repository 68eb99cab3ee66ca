/** What can become of a packet, and what the translator must know besides the packet. */
import type { Ipv4 } from "./ipv4";

/** Endings, by the fast path's names (fastpath/verdicts.ts). */
export type Reason =
  | "truncated"
  | "bad-ip-header"
  | "bad-ip-checksum"
  | "bad-transport"
  | "tiny-fragment"
  | "bad-extension"
  | "bad-source"
  | "loopback-destination"
  | "vm-broadcast"
  | "multicast"
  | "spoofed-source"
  | "outside-source"
  | "infrastructure-source"
  | "no-rule"
  | "no-network-route"
  | "no-such-vm"
  | "source-routed"
  | "hop-limit"
  | "too-big"
  | "udp-zero-checksum"
  | "icmp-untranslatable"
  | "bad-embedded"
  | "untranslatable-header"
  | "untranslatable-protocol";

/** An ICMP error owed to the packet's sender, in the packet's own family. */
export interface Owed {
  readonly type: number;
  readonly code: number;
  /** The 32 bits after the checksum: MTU, pointer, or 0. */
  readonly rest: number;
}

export type Outcome =
  | { readonly kind: "packets"; readonly packets: readonly Uint8Array[] }
  | { readonly kind: "dropped"; readonly reason: Reason }
  | { readonly kind: "answered"; readonly reason: Reason; readonly owed: Owed };

/** How translation stops short; caught where it began. */
export class Refusal extends Error {
  readonly reason: Reason;
  readonly owed: Owed | undefined;

  constructor(reason: Reason, owed?: Owed) {
    super(reason);
    this.reason = reason;
    this.owed = owed;
  }
}

/** Refuses the packet: without a word, or with the ICMP error `owed` to its sender. */
export function refuse(reason: Reason, owed?: Owed): never {
  throw new Refusal(reason, owed);
}

/** Runs a translation; `answerable` says whether an error may be sent about this packet at all. */
export function outcomeOf(translate: () => readonly Uint8Array[], answerable: () => boolean): Outcome {
  try {
    return { kind: "packets", packets: translate() };
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    const { reason, owed } = refusal;
    return owed !== undefined && answerable() ? { kind: "answered", reason, owed } : { kind: "dropped", reason };
  }
}

/** The mapped address, or why there is none. */
export type Mapped = Uint8Array | Reason;

/** A VM's packet on its way into the fabric. Addresses have 4 octets before, 16 after mapping. */
export interface OutboundContext {
  /** The VM's own address → its network address. */
  mapSource(address: Uint8Array): Mapped;
  /** An address that the VM's network can reach → its network address. */
  mapDestination(address: Uint8Array): Mapped;
  /** Largest IPv6 packet the way out takes, octets; at least 1280. */
  readonly fabricMtu: number;
  /** Largest IPv4 packet between the VM and its port, octets. */
  readonly vmMtu: number;
  /** RFC 6438; 1 … 2^20 − 1. */
  flowLabel(packet: Ipv4): number;
}

/** A fabric packet on its way to a VM. Addresses have 16 octets before, 4 after mapping. */
export interface InboundContext {
  /** A network address that the VM may hear from → its IPv4 address. */
  mapSource(address: Uint8Array): Mapped;
  /** The local VM's network address → its IPv4 address. */
  mapDestination(address: Uint8Array): Mapped;
  /** True for a fabric router's own address, which has no IPv4 counterpart. */
  isFabricRouter(address: Uint8Array): boolean;
  /** Largest IPv6 packet of the link it came by, octets. */
  readonly fabricMtu: number;
  readonly vmMtu: number;
  /** Identification of the next packet that leaves fragmentable, 0 … 65535. */
  nextIdentification(): number;
}

/** The address, or the packet's end. `owed`: the ICMP error for its sender, if any. */
export const mappedOrRefused = (mapped: Mapped, owed?: Owed): Uint8Array =>
  typeof mapped === "string" ? refuse(mapped, owed) : mapped;
