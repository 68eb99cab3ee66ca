/** A watched frame's steps (fastpath/steps.ts) in words: what each stage decided, and by what. */
import { formatIpv4, formatIpv6, formatMac, formatPrefix } from "#base/address";
import { toHex, u32 } from "#base/bytes";
import { CONNECTION_BACK, R_ADJACENCY, R_DESTINATION, R_LIMITS, R_MACS, R_SOURCE } from "#fastpath/decision";
import { KIND_ARP, KIND_IPV4, KIND_IPV6, KIND_RARP } from "#fastpath/frame";
import { STAGES } from "#fastpath/pipeline";
import { HOME_TUNNEL, placeOf, tunnelOf, writeHomeAddress } from "#fastpath/place";
import {
  ST_BINDING,
  ST_CONNECTION,
  ST_CONNECTION_VERSION,
  ST_FLOW_HASH,
  ST_GROUP,
  ST_HOME,
  ST_HOP_LIMIT,
  ST_IS_NAT,
  ST_KIND,
  ST_LENGTH,
  ST_OUTER,
  ST_PLACE,
  ST_PROTOCOL,
  ST_RECORD,
  ST_REPORTED,
  ST_RULE,
  ST_STAGE,
  ST_UNUSUAL,
  ST_VERDICT,
  ST_VM,
  ST_WANTED,
  STEP_WORDS,
} from "#fastpath/steps";
import { PLACE_NATIVE } from "#fastpath/tables/bindings";
import { STATE_NAMES } from "#fastpath/tables/connection-states";
import { GROUP_DISCARD, GROUP_LOCAL, V_ADDRESS, V_MTU, V_PORT } from "#fastpath/tables/layout";
import { rawOf } from "#fastpath/tables/raw-words";
import { ruleNumber, V_ALLOW, V_STATEFUL } from "#fastpath/tables/rule-layout";
import { CONTINUE, ENDINGS, NO_RULE, RULE_DENIED } from "#fastpath/verdicts";
import { homeHash, interfaceIdentifier, OUTSIDE_TAGS } from "#policy/homes";
import { protocolName } from "#router/config/facts";
import { endText, homeIndexOf, type Known, networkText, routeRow, vmAt } from "#router/why/known";
import type { StageView } from "#router/why/views";
import { PROTOCOL_ICMP6 } from "#wire/protocol";

type Facts = StageView["facts"];
interface Said {
  readonly text: string;
  readonly facts?: Facts;
}

/** One step, and where the frame came from. */
class Step {
  readonly known: Known;
  readonly port: number;
  readonly #words: Int32Array;
  readonly #at: number;

  constructor(known: Known, words: Int32Array, at: number, port: number) {
    this.known = known;
    this.port = port;
    this.#words = words;
    this.#at = at;
  }

  /** An ST_ word. */
  word(which: number): number {
    return this.#words[this.#at + which]!;
  }

  /** An R_ word of the decision record. */
  record(which: number): number {
    return this.#words[this.#at + ST_RECORD + which]!;
  }

  /** 16 octets of the record. */
  address(which: number): Uint8Array {
    const from = this.#at + ST_RECORD + which;
    return new Uint8Array(this.#words.slice(from, from + 4).buffer);
  }

  get verdict(): number {
    return this.word(ST_VERDICT);
  }

  /** Address of the other end of the tunnel that leads there; undefined: none does. */
  get tunnelEnd(): Uint8Array | undefined {
    const tunnel = tunnelOf(this.word(ST_PLACE));
    if (tunnel < 0) return undefined;
    if (tunnel !== HOME_TUNNEL) return this.known.tables.tunnels!.address(tunnel);
    const words = new Int32Array(4);
    writeHomeAddress({ homeHigh: this.word(ST_HOME), homeLow: this.word(ST_HOME + 1) }, words, 0);
    return new Uint8Array(words.buffer);
  }

  get isIpv4(): boolean {
    return this.word(ST_KIND) === KIND_IPV4;
  }
}

/** `words`: STEP_WORDS each. `port`: index of the one that the frame came in by. */
export function explainSteps(known: Known, words: Int32Array, count: number, port: number): StageView[] {
  return Array.from({ length: count }, (_, i) => {
    const step = new Step(known, words, i * STEP_WORDS, port);
    const stage = STAGES[step.word(ST_STAGE)] ?? "unknown";
    const { text, facts = {} } = SAID[stage]?.(step) ?? { text: "" };
    return { stage, verdict: ENDINGS[step.verdict]!.name, text, facts };
  });
}

const SAID: Readonly<Record<string, (step: Step) => Said>> = {
  classify,
  unwrap: (step) =>
    step.word(ST_OUTER) === 0
      ? { text: "not for this router: the tunnel goes on" }
      : { text: "out of a tunnel to this router", facts: { outerOctets: step.word(ST_OUTER) } },
  arrive: (step) => ({ text: step.verdict === CONTINUE ? "" : "the VM is expected here" }),
  admit: sender,
  admit6: sender,
  resolve,
  resolve6: (step) => ({ text: "", facts: vmFacts(step) }),
  guardOut: (step) => rule(step, "out"),
  guardIn: (step) => rule(step, "in"),
  trackOut: track,
  trackIn: track,
  home,
  redirect: whereabouts,
  here: whereabouts,
  notBack: whereabouts,
  inquire: (step) => ({
    text: step.word(ST_WANTED) === 0 ? "" : "nobody has told this router where it is: it asks its home",
    facts: { asksHome: step.word(ST_WANTED) !== 0 },
  }),
  route,
  routeTransit: route,
  addresses: (step) => ends(step),
  adjacency: nextHop,
  adjacencyTransit: nextHop,
  adjacencyFromOutside: nextHop,
  adjacencyToOutside: nextHop,
  unmap: mapped,
  mapOut: (step) => mappedOut(step),
  turnAround: mapped,
  enter: (step) => (step.verdict === CONTINUE ? ends(step) : { text: "no public address of a host inside" }),
  turnBack: (step) => (step.verdict === CONTINUE ? ends(step) : { text: "" }),
  leave: (step) => ({ text: step.verdict === CONTINUE ? "from a public address, and to one outside" : "" }),
  adjacencyTurned: nextHop,
  adjacencyEntering: nextHop,
  adjacencyStraight: nextHop,
  locate: (step) => ({ text: step.word(ST_VM) < 0 ? "nobody here has the address" : vmText(step) }),
  deliver,
  send,
};

function classify(step: Step): Said {
  const kind = KINDS[step.word(ST_KIND)] ?? "neither IP nor ARP";
  const isIp = step.word(ST_KIND) === KIND_IPV4 || step.word(ST_KIND) === KIND_IPV6;
  const protocol = step.word(ST_PROTOCOL);
  const name = protocol === PROTOCOL_ICMP6 ? "icmp6" : protocolName(protocol);
  const unusual = UNUSUAL.filter((_, bit) => ((step.word(ST_UNUSUAL) >> bit) & 1) !== 0);
  if (!isIp || step.verdict !== CONTINUE) return { text: kind, facts: { kind } };
  return {
    text: `${kind} ${name}, ${step.word(ST_LENGTH)} octets${unusual.length > 0 ? ` (${unusual.join(", ")})` : ""}`,
    facts: { kind, protocol, length: step.word(ST_LENGTH), unusual: unusual.join(", ") },
  };
}

const KINDS: Readonly<Record<number, string>> = {
  [KIND_IPV4]: "IPv4",
  [KIND_IPV6]: "IPv6",
  [KIND_ARP]: "ARP",
  [KIND_RARP]: "RARP",
};
/** By bit of frame.ts's UNUSUAL_. */
const UNUSUAL = [
  ...["fragment", "options", "ICMP", "ICMP error", "extension headers", "unreadable extension headers"],
  ...["source route", "no UDP checksum", "broken transport header"],
];

function sender(step: Step): Said {
  const vm = vmAt(step.known, step.port);
  if (vm === undefined) return { text: "" };
  const addresses = [vm.ipv4?.address.text, ...vm.ipv6.map(({ text }) => text)].filter((each) => each !== undefined);
  if (step.verdict === CONTINUE) return { text: `${vm.name} sends as itself`, facts: { vm: vm.name } };
  return { text: `${vm.name} is ${addresses.join(", ")}`, facts: { vm: vm.name, addresses: addresses.join(" ") } };
}

const vmFacts = (step: Step): Facts => ({ network: vmAt(step.known, step.port)?.network.name ?? null });

function resolve(step: Step): Said {
  const { fabric } = step.known;
  const network = vmAt(step.known, step.port)?.network;
  if (step.verdict !== CONTINUE) return { text: `no route of ${network?.name} leads there`, facts: vmFacts(step) };
  const tags = rawOf(step.record(R_DESTINATION + 2)) >>> 0;
  const ipv4 = step.address(R_DESTINATION).subarray(12);
  const row = network && routeRow(fabric, network, ipv4);
  const to = networkText(fabric, tags);
  return {
    text: `${row === undefined ? "" : `${formatPrefix(row)} of ${network!.name} leads to `}${to}`,
    facts: {
      ...{ network: network?.name ?? null, row: row === undefined ? null : formatPrefix(row), leadsTo: to },
      tags: tags.toString(16).padStart(8, "0"),
    },
  };
}

function rule(step: Step, side: "out" | "in"): Said {
  const word = step.word(ST_RULE);
  const number = ruleNumber(word);
  const allows = (word & V_ALLOW) !== 0;
  const isStateful = (word & V_STATEFUL) !== 0;
  if (number < 0) {
    const text = allows ? "no tenant's rule is asked" : "no rule says anything of it";
    return { text, facts: { side, rule: null, action: allows ? "allow" : null, stateful: false } };
  }
  const name = step.known.rule(side, number)?.name ?? `${number}`;
  return {
    text: `rule "${name}" ${allows ? "allows" : "denies"} it${isStateful ? ", and its answers" : ""}`,
    facts: { side, rule: name, action: allows ? "allow" : "deny", stateful: isStateful },
  };
}

function track(step: Step): Said {
  const connection = step.word(ST_CONNECTION);
  const entry = connection & ~CONNECTION_BACK;
  if (step.verdict === NO_RULE || step.verdict === RULE_DENIED)
    return { text: "and it is no part of a connection that was let through" };
  if (step.verdict !== CONTINUE) return { text: "" };
  if (entry === 0) return { text: "", facts: { connection: null } };
  const entries = step.known.tables.connections?.entries;
  const isThere = entries?.version(entry) === step.word(ST_CONNECTION_VERSION);
  const state = isThere ? STATE_NAMES[entries.state(entry)]! : "gone";
  const isBack = (connection & CONNECTION_BACK) !== 0;
  const text = `${isBack ? "goes back on a connection" : "belongs to a connection"}, ${state}`;
  return { text, facts: { connection: state, answers: isBack } };
}

function home(step: Step): Said {
  const { fabric } = step.known;
  const address = step.address(R_DESTINATION);
  const tags = u32(address, 8);
  const networkAddress = formatIpv6(address);
  if (tags === 0 || tags === OUTSIDE_TAGS)
    return { text: `${networkAddress}: ${networkText(fabric, tags)}`, facts: { networkAddress } };
  const index = homeIndexOf(fabric, address);
  const hash = toHex(homeHash(fabric, interfaceIdentifier(tags, address.subarray(12))));
  const { prefix, hypervisor } = fabric.homes[index] ?? {};
  return {
    text: `${networkAddress}: home ${index} of ${fabric.homes.length}, ${prefix?.text}${hypervisor === undefined ? "" : ` (${hypervisor})`}, by hash ${hash}`,
    facts: {
      ...{ networkAddress, hash, index, homes: fabric.homes.length },
      ...{ prefix: prefix?.text ?? null, hypervisor: hypervisor ?? null },
    },
  };
}

function whereabouts(step: Step): Said {
  if (step.word(ST_VM) >= 0) return { text: `${vmText(step)} is here`, facts: { place: "here" } };
  const word = step.word(ST_PLACE);
  if (word === 0) return { text: "" };
  const end = step.tunnelEnd;
  if (end !== undefined) {
    const to = formatIpv6(end);
    if (tunnelOf(word) !== HOME_TUNNEL)
      return { text: `a tunnel to ${to} leads there`, facts: { place: "tunnel", tunnelTo: to } };
    return {
      text: `a tunnel to its home, ${to}: nothing else is known`,
      facts: { place: "home tunnel", tunnelTo: to },
    };
  }
  if (step.word(ST_BINDING) === 0) return { text: "by its home: nothing else is known", facts: { place: "unknown" } };
  const isHome = placeOf(word) === PLACE_NATIVE;
  return {
    text: isHome ? "it is at home" : "by its home: an answer is awaited",
    facts: { place: isHome ? "home" : "asked" },
  };
}

/** The VM that the step has found. */
function vmText(step: Step): string {
  const at = step.word(ST_VM);
  const { vms } = step.known.tables;
  const name = vmAt(step.known, vms[at + V_PORT]!)?.name;
  return `VM ${name ?? formatIpv6(new Uint8Array(vms.slice(at + V_ADDRESS, at + V_ADDRESS + 4).buffer))}`;
}

function ends(step: Step): Said {
  const { fabric } = step.known;
  const [source, destination] = [endText(fabric, step.address(R_SOURCE)), endText(fabric, step.address(R_DESTINATION))];
  return { text: `${source} > ${destination}`, facts: { source, destination } };
}

function route(step: Step): Said {
  const group = step.word(ST_GROUP);
  const { known } = step;
  const to = step.tunnelEnd ?? step.address(R_DESTINATION);
  if (step.word(ST_VM) >= 0) return { text: "to a VM here, whatever the routes say", facts: { group: "local" } };
  const found = known.route(to);
  if (group > GROUP_DISCARD && found === undefined) {
    // The record has what stands for an IPv6 host outside, whose own address the forwarder looked up.
    const members = known.members(group).length;
    const text = `${endText(known.fabric, to)}, ${members} next ${members === 1 ? "hop" : "hops"}`;
    return { text, facts: { group: "next hops", members } };
  }
  if (group === 0 || found === undefined) return { text: `no route to ${formatIpv6(to)}`, facts: { prefix: null } };
  const facts = { prefix: found.prefix, origin: found.origin };
  if (group === GROUP_LOCAL) return { text: `${found.prefix}: this router's own`, facts: { ...facts, group: "local" } };
  if (group === GROUP_DISCARD) return { text: `${found.prefix}: discards`, facts: { ...facts, group: "discard" } };
  const count = known.members(group).length;
  return {
    text: `${found.prefix} (${found.origin}), ${count} next ${count === 1 ? "hop" : "hops"}`,
    facts: { ...facts, group: "next hops", members: count },
  };
}

function nextHop(step: Step): Said {
  const { known } = step;
  const adjacency = step.record(R_ADJACENCY);
  const group = step.word(ST_GROUP);
  const members = group > GROUP_DISCARD ? known.members(group) : [];
  const member = members.findIndex((each) => each.adjacency === adjacency);
  const address = known.hopAddress(adjacency);
  const port = known.port(known.tables.adjacencies.port(adjacency))?.name ?? null;
  const mtu = step.record(R_LIMITS) & 0xffff;
  const chosen = members.length > 1 && member >= 0 ? `, number ${member + 1} of ${members.length} by flow hash` : "";
  const name = `${address === undefined ? "its" : formatIpv6(address)}`;
  const facts = {
    ...{ port, nextHop: address === undefined ? null : formatIpv6(address) },
    ...{ member: member < 0 ? null : member + 1, members: members.length },
    flowHash: (step.word(ST_FLOW_HASH) >>> 0).toString(16).padStart(8, "0"),
  };
  if (step.verdict !== CONTINUE) return { text: `${name} on ${port}${chosen}`, facts };
  const mac = macOf(step);
  return { text: `${name} (${mac}) on ${port}${chosen}; packets up to ${mtu} octets`, facts: { ...facts, mac, mtu } };
}

/** Destination of the Ethernet header to be written. */
const macOf = (step: Step): string =>
  formatMac(new Uint8Array(Int32Array.of(step.record(R_MACS), step.record(R_MACS + 1)).buffer), 0);

function mapped(step: Step): Said {
  if (step.verdict !== CONTINUE) return { text: "" };
  const { text, facts } = ends(step);
  const isNat = step.word(ST_IS_NAT) !== 0;
  return { text: `${text}${isNat ? ", by a NAT binding" : ""}`, facts: { ...facts, nat: isNat } };
}

function mappedOut(step: Step): Said {
  if (step.verdict !== CONTINUE) return { text: "" };
  const from = formatIpv4(step.address(R_SOURCE), 0);
  const isNat = step.word(ST_IS_NAT) !== 0;
  return { text: `known outside as ${from}${isNat ? ", by a NAT binding" : ""}`, facts: { outside: from, nat: isNat } };
}

function deliver(step: Step): Said {
  const { vms } = step.known.tables;
  const at = step.word(ST_VM);
  const port = step.known.port(vms[at + V_PORT]!);
  const facts = { vm: port?.vm?.name ?? null, port: port?.name ?? null };
  if (step.verdict !== CONTINUE) return { text: `${vmText(step)}: its MAC address is not known`, facts };
  const [mac, mtu] = [macOf(step), vms[at + V_MTU]!];
  return { text: `${vmText(step)} (${mac}); packets up to ${mtu} octets`, facts: { ...facts, mac, mtu } };
}

function send(step: Step): Said {
  const mtu = step.record(R_LIMITS) & 0xffff;
  const { name } = ENDINGS[step.verdict]!;
  if (name === "too-big") {
    const text = `${step.word(ST_LENGTH)} octets do not fit ${mtu} once translated: its sender is told ${step.word(ST_REPORTED)}`;
    return { text, facts: { mtu, told: step.word(ST_REPORTED) } };
  }
  if (name === "hop-limit") return { text: `came with ${step.word(ST_HOP_LIMIT)}`, facts: {} };
  return { text: "", facts: { mtu } };
}
