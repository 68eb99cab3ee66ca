/**
 * admit: a VM sends with its own MAC and its own address only. Silent: a spoofer is never answered. Paper §2.4.
 * Comes before `answer`, so that even the gateway does not answer a spoofer.
 */
import { equal } from "#base/bytes";
import { type Frame, KIND_ARP } from "#fastpath/frame";
import { isFromDhcpClient } from "#fastpath/stages/dhcp";
import { P_VM, PORT_WORDS, V_ADJACENCY, V_DHCP, V_IPV4, V_MAC_FIXED, VM_WORDS } from "#fastpath/tables/layout";
import { segmentOfPort } from "#fastpath/tables/segments";
import type { Tables } from "#fastpath/tables/tables";
import {
  BAD_SOURCE,
  CONTINUE,
  PUNT_LEARN,
  SPOOFED_MAC,
  SPOOFED_SOURCE,
  TRUNCATED,
  type Verdict,
  VM_IPV4,
} from "#fastpath/verdicts";
import { SIZE as ARP, SENDER_HARDWARE, SENDER_PROTOCOL } from "#wire/arp";
import { SOURCE } from "#wire/ethernet";

export function admit(f: Frame, t: Tables): Verdict {
  if (f.kind === KIND_ARP) return admitArp(f, t);
  const vm = t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS;
  if (t.vms[vm + V_IPV4] === 0) return VM_IPV4;
  const source = t.words[(f.l3 + 12) >> 2];
  if (source === 0) return admitNobody(f, t, vm);
  if (source !== t.vms[vm + V_IPV4]) return SPOOFED_SOURCE;
  const adjacency = t.vms[vm + V_ADJACENCY]!;
  if (!t.adjacencies.isResolved(adjacency)) return PUNT_LEARN;
  return t.adjacencies.hasMac(adjacency, t.bytes, f.at + SOURCE) ? CONTINUE : SPOOFED_MAC;
}

/**
 * A DHCP client has no address yet (RFC 2131 §4.1): `answer` takes it, or a server among the VMs of its segment. Nothing
 * else may come from nobody.
 */
function admitNobody(f: Frame, t: Tables, vm: number): Verdict {
  const isServed = t.vms[vm + V_DHCP] !== 0 || segmentOfPort(t.segments, f.port) >= 0;
  if (!isServed || !isFromDhcpClient(f)) return BAD_SOURCE;
  return hasMacOf(f, t, vm) ? CONTINUE : SPOOFED_MAC;
}

/** The frame's source is the VM's MAC address where that is configured; else the VM may have got another network card. */
export function hasMacOf(f: Frame, t: Tables, vm: number): boolean {
  const adjacency = t.vms[vm + V_ADJACENCY]!;
  if (t.vms[vm + V_MAC_FIXED] === 0 || !t.adjacencies.isResolved(adjacency)) return true;
  return t.adjacencies.hasMac(adjacency, t.bytes, f.at + SOURCE);
}

/**
 * The sender an ARP message names is the VM, or nobody yet (a probe, RFC 5227 §2.1.1), and has the frame's MAC address. The
 * control thread does the rest.
 */
function admitArp(f: Frame, t: Tables): Verdict {
  const b = t.bytes;
  const vm = t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS;
  if (t.vms[vm + V_IPV4] === 0) return VM_IPV4;
  if (f.end - f.l3 < ARP) return TRUNCATED;
  if (!equal(b, f.at + SOURCE, b, f.l3 + SENDER_HARDWARE, 6)) return SPOOFED_MAC;
  if (!hasMacOf(f, t, vm)) return SPOOFED_MAC;
  const s = f.l3 + SENDER_PROTOCOL; // not 4-aligned
  const sender = b[s]! | (b[s + 1]! << 8) | (b[s + 2]! << 16) | (b[s + 3]! << 24);
  return sender === 0 || sender === t.vms[vm + V_IPV4] ? CONTINUE : SPOOFED_SOURCE;
}
