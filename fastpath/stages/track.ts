/**
 * track: a packet that a rule lets through without state goes on. One of a stateful rule begins a connection or continues
 * it; one that no rule lets through goes on when it comes back on a connection whose first packets the rules, as they are
 * now, still let through: so another rule means something to connections at once. An ICMP error goes on when the packet
 * that it quotes would, a later fragment when its first one came back on a connection.
 */

import {
  ACTION_NAT_4_TO_6,
  CONNECTION_BACK,
  R_ACTION,
  R_CONNECTION_4,
  R_CONNECTION_6,
  R_SOURCE,
} from "#fastpath/decision";
import { type Frame, GSO_NONE, KIND_IPV4, UNUSUAL_FRAGMENT, UNUSUAL_ICMP_ERROR } from "#fastpath/frame";
import { writeQuotedKey } from "#fastpath/stages/quoted";
import { isIpv6Host } from "#fastpath/stages/vm-link";
import { BACK, FORWARD } from "#fastpath/tables/connection-entries";
import {
  C_ACKNOWLEDGMENT,
  C_DESTINATION,
  C_FLAGS,
  C_PORTS,
  C_PROTOCOL,
  C_SEQUENCE,
  C_SOURCE,
  type Connections,
  REFUSED_FULL,
  REFUSED_QUOTA,
} from "#fastpath/tables/connections";
import { F_IDENTIFICATION, F_PROTOCOL } from "#fastpath/tables/fragments";
import { P_VM, PORT_WORDS, V_NETWORK, V_PORT, VM_WORDS } from "#fastpath/tables/layout";
import {
  K_DESTINATION_HOST,
  K_DESTINATION_TAGS,
  K_PORTS,
  K_PROTOCOL,
  K_SOURCE_HOST,
  K_SOURCE_TAGS,
  PORTS_UNKNOWN,
  ruleNumber,
  V_ALLOW,
  V_NUMBER,
  V_STATEFUL,
} from "#fastpath/tables/rule-layout";
import { lookupRule, reverseKey } from "#fastpath/tables/rules";
import { rawOf } from "#fastpath/tables/snapshot";
import type { Tables } from "#fastpath/tables/tables";
import { CONNECTION_QUOTA, CONNECTIONS_FULL, CONTINUE, NO_RULE, RULE_DENIED, type Verdict } from "#fastpath/verdicts";
import { PROTOCOL_ICMP4, PROTOCOL_ICMP6, PROTOCOL_TCP, PROTOCOL_UDP } from "#wire/protocol";

/** For what leaves a VM. */
export const trackOut = (f: Frame, t: Tables): Verdict => track(f, t, true);
/** For what is to be delivered to a VM. */
export const trackIn = (f: Frame, t: Tables): Verdict => track(f, t, false);

function track(f: Frame, t: Tables, isOut: boolean): Verdict {
  if ((f.rule & (V_ALLOW | V_STATEFUL)) === V_ALLOW) return CONTINUE;
  const byRule = (f.rule & V_ALLOW) !== 0 ? CONTINUE : (f.rule & V_NUMBER) === 0 ? NO_RULE : RULE_DENIED;
  if ((f.unusual & UNUSUAL_ICMP_ERROR) !== 0) return byRule === CONTINUE || isRelated(f, t, isOut) ? CONTINUE : byRule;
  if (f.l4 === 0) return byRule === CONTINUE || firstWasAccepted(f, t) ? CONTINUE : byRule;
  return connected(f, t, isOut, byRule);
}

/** `byRule`: CONTINUE when a stateful rule lets the packet through, else why none does. */
function connected(f: Frame, t: Tables, isOut: boolean, byRule: Verdict): Verdict {
  const { connections, now } = t;
  if (connections === undefined) return byRule === CONTINUE ? CONNECTIONS_FULL : byRule;
  if (f.protocol === PROTOCOL_TCP) describeSegment(f, t, connections.packet);
  describeEnds(t, connections.packet, t.records, addressesOf(f));
  describeKey(t, connections.packet, f.l4, f.end);
  let entry = findConnection(f, t, connections);
  if (entry !== 0 && connections.direction === BACK) {
    const { version } = connections;
    if (!isStillAllowed(t, isOut)) connections.entries.remove(entry, version);
    else if (connections.advance(entry, version, BACK, now) !== 0) {
      if ((f.unusual & UNUSUAL_FRAGMENT) !== 0) acceptFragments(f, t);
      return remember(f, t, entry);
    }
    entry = 0;
  }
  if (byRule !== CONTINUE) return byRule;
  if (entry !== 0 && connections.advance(entry, connections.version, FORWARD, now) !== 0) return remember(f, t, entry);
  return begin(f, t, isOut, connections);
}

/** That of the described packet, where its hint says that it is, or found; 0: there is none. */
function findConnection(f: Frame, t: Tables, connections: Connections): number {
  const hinted = f.hint < 0 ? 0 : connections.findAt(t.hints!.at(f.hint), t.now);
  return hinted !== 0 ? hinted : connections.find(t.now);
}

function begin(f: Frame, t: Tables, isOut: boolean, connections: Connections): Verdict {
  const owner = isOut ? f.port : ownerIn(f, t);
  if (owner < 0) return CONTINUE; // no such VM: locate says so
  const entry = connections.insert(owner, t.generation, (ruleNumber(f.rule) << 1) | (isOut ? 0 : 1), t.now);
  if (entry === REFUSED_FULL) return CONNECTIONS_FULL;
  if (entry === REFUSED_QUOTA) return CONNECTION_QUOTA;
  return entry === 0 ? CONTINUE : remember(f, t, entry);
}

/** Port of the VM that the packet is for, which pays for the entry; −1: there is none. */
function ownerIn(f: Frame, t: Tables): number {
  return f.vm < 0 ? -1 : t.vms[f.vm + V_PORT]!;
}

/** An answer came in fragments: no rule speaks for the later ones, and they have no ports. */
function acceptFragments(f: Frame, t: Tables): void {
  if (t.fragments === undefined) return;
  describeFragment(f, t, t.fragments.packet);
  t.fragments.accept(t.now);
}

function firstWasAccepted(f: Frame, t: Tables): boolean {
  if (t.fragments === undefined) return false;
  describeFragment(f, t, t.fragments.packet);
  return t.fragments.isAccepted(t.now);
}

function describeFragment(f: Frame, t: Tables, packet: Int32Array): void {
  describeEnds(t, packet, t.records, addressesOf(f));
  packet[F_PROTOCOL] = f.protocol;
  packet[F_IDENTIFICATION] = f.fragmentHeader === 0 ? f.identification : t.words[(f.fragmentHeader + 4) >> 2]!;
}

/** Where the record has an IPv6 packet's source address, behind which is the destination; −1: the packet is IPv4. */
const addressesOf = (f: Frame): number => (f.kind === KIND_IPV4 ? -1 : R_SOURCE);

/**
 * Both ends as the tables have them: an IPv6 host by its whole address, at `addresses` of `words`, or what stands for it
 * (tenants.ts); an IPv4 host by the last half of it.
 */
function describeEnds(t: Tables, packet: Int32Array, words: Int32Array, addresses: number): void {
  const key = t.ruleKey;
  const isIpv6 = addresses >= 0;
  describeEnd(packet, C_SOURCE, words, isIpv6 && isIpv6Host(key[K_SOURCE_HOST]!) ? addresses : -1);
  packet[C_SOURCE + 2] = key[K_SOURCE_TAGS]!;
  packet[C_SOURCE + 3] = key[K_SOURCE_HOST]!;
  describeEnd(packet, C_DESTINATION, words, isIpv6 && isIpv6Host(key[K_DESTINATION_HOST]!) ? addresses + 4 : -1);
  packet[C_DESTINATION + 2] = key[K_DESTINATION_TAGS]!;
  packet[C_DESTINATION + 3] = key[K_DESTINATION_HOST]!;
}

function describeEnd(packet: Int32Array, at: number, words: Int32Array, word: number): void {
  packet[at] = word < 0 ? 0 : words[word]!;
  packet[at + 1] = word < 0 ? 0 : words[word + 1]!;
}

/** For the flow cache, whose every packet has to find the connection still there, and for when that has forgotten the flow. */
function remember(f: Frame, t: Tables, entry: number): Verdict {
  const { direction, version, entries } = t.connections!;
  // From one local VM to another a packet comes here twice.
  if (t.countsConnections && f.connection === 0) entries.count(entry, direction, segmentsOf(f), f.ipLength);
  if (f.hint >= 0) t.hints!.put(f.hint, entry);
  f.connection = direction === BACK ? entry | CONNECTION_BACK : entry;
  f.connectionVersion = version;
  return CONTINUE;
}

/** True when a stateful rule lets through what the packet in `t.ruleKey` answers: such packets come by the other side. */
function isStillAllowed(t: Tables, isOut: boolean): boolean {
  reverseKey(t.ruleKey, t.answeredKey);
  const rule = lookupRule(isOut ? t.rules.in : t.rules.out, t.answeredKey);
  return (rule & (V_ALLOW | V_STATEFUL)) === (V_ALLOW | V_STATEFUL);
}

/**
 * The error quotes a packet that may come from where it goes, by a rule or on a connection, and comes from the network
 * that the packet was for: another tenant has nothing to say about it.
 */
function isRelated(f: Frame, t: Tables, isOut: boolean): boolean {
  const senderTags = t.ruleKey[K_SOURCE_TAGS]!;
  const network = isOut ? t.vms[t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS + V_NETWORK]! : networkIn(f, t);
  const transport = writeQuotedKey(f, t, network);
  if (transport < 0 || t.ruleKey[K_DESTINATION_TAGS] !== senderTags) return false;
  if ((lookupRule(isOut ? t.rules.in : t.rules.out, t.ruleKey) & V_ALLOW) !== 0) return true;
  if (t.connections === undefined || (t.ruleKey[K_PROTOCOL]! & PORTS_UNKNOWN) !== 0) return false;
  describeEnds(t, t.connections.packet, t.quoted, f.kind === KIND_IPV4 ? -1 : 0);
  describeKey(t, t.connections.packet, transport, f.end);
  return t.connections.findQuoted(t.now) !== 0;
}

/** Of the VM that the packet is for; −1: there is none. */
const networkIn = (f: Frame, t: Tables): number => (f.vm < 0 ? -1 : t.vms[f.vm + V_NETWORK]!);

/** The rest of the key of the connection table: of the packet of `t.ruleKey`, whose transport header is at `transport`. */
function describeKey(t: Tables, packet: Int32Array, transport: number, end: number): void {
  const key = t.ruleKey;
  const protocol = key[K_PROTOCOL]! & 0xff;
  packet[C_PROTOCOL] = protocol;
  packet[C_PORTS] = key[K_PORTS]!;
  if (protocol !== PROTOCOL_ICMP4 && protocol !== PROTOCOL_ICMP6) return;
  // A query and its reply have the identifier in common (RFC 792). It stands for the port of who asks, and of nobody
  // else: who is asked may not ask under it in turn.
  const identifier = end - transport < 6 ? 0 : t.words[(transport + 4) >> 2]! & 0xffff;
  packet[C_PORTS] = isReply(key[K_PORTS]! & 0xff) ? identifier << 16 : identifier;
}

/** A packet of a flow whose decision is remembered with its connection. False: that is gone; decide anew. */
export function continues(f: Frame, t: Tables, base: number, connection: number): boolean {
  const isNat = t.records[base + R_ACTION]! >= ACTION_NAT_4_TO_6;
  const connections = isNat ? t.nat?.sessions : t.connections;
  if (connections === undefined) return false;
  describeSegment(f, t, connections.packet);
  const version = t.records[base + (f.kind === KIND_IPV4 ? R_CONNECTION_4 : R_CONNECTION_6) + 1]!;
  const direction = (connection & CONNECTION_BACK) !== 0 ? BACK : FORWARD;
  const entry = connection & ~CONNECTION_BACK;
  if (connections.advance(entry, version, direction, t.now) === 0) return false;
  if (t.countsConnections && !isNat) connections.entries.count(entry, direction, segmentsOf(f), f.ipLength);
  return true;
}

/** Packets that a super-packet stands for. */
const segmentsOf = (f: Frame): number =>
  f.gsoType === GSO_NONE ? 1 : Math.ceil((f.end - f.at - f.headerLength) / f.gsoSize);

/** Of echo, timestamp, information and address mask (RFC 792, RFC 950); ICMPv6's echo has ICMPv4's number here. */
const isReply = (type: number): boolean => type === 0 || type === 14 || type === 16 || type === 18;

/** What the connection table looks at in the packet of a known connection. */
export function describeSegment(f: Frame, t: Tables, packet: Int32Array): void {
  if (f.protocol !== PROTOCOL_TCP) {
    packet[C_PROTOCOL] = PROTOCOL_UDP; // any but TCP
    return;
  }
  const at = f.l4 >> 2;
  packet[C_PROTOCOL] = PROTOCOL_TCP;
  packet[C_SEQUENCE] = rawOf(t.words[at + 1]!);
  packet[C_ACKNOWLEDGMENT] = rawOf(t.words[at + 2]!);
  packet[C_FLAGS] = t.bytes[f.l4 + 13]!;
}
