/** `ain verify`: who can ever reach whom, by a fabric's rules and route tables; computed, not tried. */
import { Command, Option } from "commander";
import {
  contains,
  formatIpv4,
  formatPrefix,
  overlaps,
  parseIpv4,
  parseIpv6,
  parsePrefix4,
  parsePrefix6,
} from "#base/address";
import { put32 } from "#base/bytes";
import { columns } from "#cli/columns";
import { FABRIC_OPTION, fabricOf, networkOf } from "#cli/fabric-choice";
import { FAILED, Failure, MISUSED } from "#cli/failure";
import { colorsFor, print, printJson } from "#cli/output";
import { isIpv6Host } from "#policy/homes";
import type { Traffic, TrafficRange } from "#policy/regions";
import type { Iid, Packet } from "#policy/rules";
import { protocolName } from "#router/config/facts";
import type { Fabric, Network } from "#router/config/model";
import { PROTOCOLS, WITH_PORTS } from "#router/config/rule-schema";
import {
  broughtHostsOf,
  ipv6HostsOf,
  OUTSIDE_HOSTS,
  type Place,
  placesOf,
  Reach,
  type Reachability,
} from "#router/reachability";

interface Options {
  readonly fabric: string;
  readonly from?: string;
  readonly to?: string;
  readonly protocol?: string;
  readonly port?: string;
  readonly json?: true;
}

export const verifyCommand = (): Command =>
  new Command("verify")
    .description("compute who can reach whom: from all of a fabric's rules and route tables, for every packet")
    .option(...FABRIC_OPTION)
    .option(
      "--from <network[:address]>",
      "who asks: blue/prod, blue/prod:10.0.0.5, blue/prod:10.0.0.0/28, blue/prod:2001:db8:7::/64, blue/prod:ipv6, outside",
    )
    .option("--to <network[:address]>", "who is asked")
    .addOption(new Option("--protocol <protocol>", "only this one: icmp, tcp, udp, sctp or a number 0 … 255"))
    .option("--port <port>", "only to this destination port (tcp, udp, sctp)")
    .option("--json", "print JSON")
    .addHelpText("after", "\nWith --from and --to the exit status is 1 when nothing can get there.")
    .action(verify);

function verify(options: Options): void {
  const fabric = fabricOf(options.fabric);
  const { from, to } = options;
  const places = placesOf(fabric);
  const sources = from === undefined ? places : [placeOf(fabric, from)];
  const destinations = to === undefined ? places : [placeOf(fabric, to)];
  const traffic = trafficOf(options);
  const reach = new Reach(fabric);
  const found = sources.flatMap((source) =>
    destinations.flatMap((destination) => {
      const answer = between(reach, source, destination, traffic);
      return answer.verdict === "no" && (from === undefined || to === undefined) ? [] : [answer];
    }),
  );
  if (options.json) printJson(found.map((answer) => asJson(answer, fabric)));
  else if (from !== undefined && to !== undefined) explain(found[0]!, fabric);
  else if (found.length === 0) print("nobody reaches anybody");
  else print(table(found));
  if (from !== undefined && to !== undefined && found[0]!.verdict === "no") throw new Failure("", FAILED);
}

function between(reach: Reach, from: Place, to: Place, traffic: Traffic): Reachability {
  try {
    return reach.between(from, to, traffic);
  } catch (error) {
    if (error instanceof RangeError) throw new Failure(`from ${from.name} to ${to.name}: ${error.message}`);
    throw error;
  }
}

function placeOf(fabric: Fabric, text: string): Place {
  if (text === OUTSIDE_HOSTS.name) {
    if (fabric.outside !== undefined) return OUTSIDE_HOSTS;
    throw new Failure(`${fabric.file} has no outside`, MISUSED);
  }
  const [name = "", ...rest] = text.split(":");
  const network = networkOf(fabric, name);
  const all = [...network.prefixes, ...network.publicPrefixes];
  const where = rest.join(":");
  if (where === "ipv6" || (rest.length === 0 && all.length === 0)) return ipv6HostsOf(network);
  if (rest.length === 0) return { name, network, prefixes: all };
  if (where.includes(":")) return broughtOf(network, where);
  const ipv4 = parseIpv4(where);
  const prefix = ipv4 === undefined ? parsePrefix4(where) : { address: ipv4, length: 32 };
  if (prefix === undefined) throw new Failure(`found "${where}", expected an IP address or prefix, or ipv6`, MISUSED);
  const parts = all.flatMap((own) => (overlaps(own, prefix) ? [own.length > prefix.length ? own : prefix] : []));
  if (parts.length > 0) return { name: `${name} ${where}`, network, prefixes: parts };
  throw new Failure(`${where} is in none of the prefixes of ${name} (${all.map((p) => p.text).join(", ")})`, MISUSED);
}

/** Addresses that a tenant brought: rules tell them apart by the prefixes that are written, and no further. */
function broughtOf(network: Network, text: string): Place {
  const ipv6 = parseIpv6(text);
  const prefix = ipv6 === undefined ? parsePrefix6(text) : { address: ipv6, length: 128 };
  if (prefix === undefined) throw new Failure(`found "${text}", expected an IP address or prefix, or ipv6`, MISUSED);
  const around = network.classes.find(
    (each) => each.prefix.length <= prefix.length && contains(each.prefix, prefix.address),
  );
  const place = broughtHostsOf(network, text, around?.prefix ?? prefix);
  if (place !== undefined) return place;
  const own = network.tenantPrefixes.map((each) => each.text).join(", ") || "it has none";
  throw new Failure(`${text} is in none of the tenantPrefixes of ${network.name} (${own})`, MISUSED);
}

function trafficOf({ protocol: name, port: portText }: Options): Traffic {
  const named = Object.entries(PROTOCOLS).find(([known]) => known === name)?.[1];
  const protocol = name === undefined ? undefined : (named ?? numberUpTo(name, 255));
  if (Number.isNaN(protocol))
    throw new Failure(`found protocol "${name}", expected icmp, tcp, udp, sctp or 0 … 255`, MISUSED);
  const port = portText === undefined ? undefined : numberUpTo(portText, 65535);
  if (Number.isNaN(port)) throw new Failure(`found port "${portText}", expected 0 … 65535`, MISUSED);
  if (port !== undefined && protocol !== undefined && !WITH_PORTS.includes(protocol))
    throw new Failure(`--port beside --protocol ${name}, which has none`, MISUSED);
  return {
    ...(protocol !== undefined && { protocol }),
    ...(port !== undefined && { destinationPorts: [{ first: port, last: port }] }),
  };
}

const numberUpTo = (text: string, most: number): number =>
  /^\d{1,5}$/.test(text) && Number(text) <= most ? Number(text) : Number.NaN;

const table = (found: readonly Reachability[]): string =>
  columns(
    ["FROM", "TO", "WHAT PASSES", "BY", "ANSWERED"],
    found.map(({ from, to, traffic, passing, routed }) => [
      from.name,
      to.name,
      `${rangesText(traffic)}${routed === "some" ? " (to what it has a route to)" : ""}`,
      passing === undefined ? "-" : byText(passing.out.name, passing.in.name),
      passing?.isAnswered ? "yes" : "no",
    ]),
  );

const byText = (out: string, into: string): string => (out === into ? out : `${out}, ${into}`);

function explain(answer: Reachability, fabric: Fabric): void {
  const { from, to, verdict, routed, passing, blocked, traffic } = answer;
  const { green, red, yellow, dim } = colorsFor(process.stdout);
  const mark = { yes: green("yes"), some: yellow("some of it"), no: red("no") }[verdict];
  print(`from ${from.name} to ${to.name}: ${mark}`);
  if (routed === "none") {
    print(`  ${from.network.name} has no route there`);
    return;
  }
  if (routed === "some") print(`  ${from.network.name} has a route to a part of it only`);
  if (passing !== undefined) {
    print(`  passes    ${rangesText(traffic)}`);
    print(`  such as   ${packetText(passing.packet, fabric)}`);
    print(`  by        ${passing.out.name} on the way out, ${passing.in.name} on the way in`);
    print(`  answers   ${passing.isAnswered ? "pass" : "do not pass"}`);
  }
  if (blocked === undefined) return;
  const side = blocked.side === "out" ? "on the way out" : "on the way in";
  const why = blocked.rule === undefined ? `no rule allows it ${side}` : `${blocked.rule.name} denies it ${side}`;
  print(`  but not   ${packetText(blocked.packet, fabric)} ${dim(`(${why})`)}`);
}

/** `everything`, `tcp to 80`, `icmp type 8`; several with commas. */
function rangesText(ranges: readonly TrafficRange[]): string {
  const texts = ranges.map(rangeText);
  if (texts.includes("everything")) return "everything";
  return texts.length <= SHOWN
    ? texts.join(", ")
    : `${texts.slice(0, SHOWN).join(", ")} and ${texts.length - SHOWN} more`;
}
const SHOWN = 6;

function rangeText({ protocols, sourcePorts, destinationPorts }: TrafficRange): string {
  const { first, last } = protocols;
  if (first === 0 && last === 255 && isAll(sourcePorts) && isAll(destinationPorts)) return "everything";
  const name = first === last ? protocolName(first) : `protocols ${first}-${last}`;
  if (first === ICMP && last === ICMP) return isAll(sourcePorts) ? name : `${name} ${icmpText(sourcePorts)}`;
  const to = isAll(destinationPorts) ? "" : ` to ${spanText(destinationPorts)}`;
  return `${name}${to}${isAll(sourcePorts) ? "" : ` from ${spanText(sourcePorts)}`}`;
}

const ICMP = 1;
type Span = TrafficRange["protocols"];
const isAll = ({ first, last }: Span): boolean => first === 0 && last === 65535;
const spanText = ({ first, last }: Span): string => (first === last ? `${first}` : `${first}-${last}`);

/** Of ICMP type << 8 | code. */
function icmpText({ first, last }: Span): string {
  const type = first >> 8;
  if (first === last) return `type ${type} code ${first & 255}`;
  return last >> 8 === type && (first & 255) === 0 && (last & 255) === 255
    ? `type ${type}`
    : `types ${type}-${last >> 8}`;
}

function packetText({ source, destination, protocol, ports, icmp }: Packet, fabric: Fabric): string {
  const end = (iid: Iid, port: number | undefined): string =>
    `${hostText(iid, fabric)}${port === undefined ? "" : `:${port}`}`;
  const type = icmp === undefined ? "" : ` type ${icmp.type} code ${icmp.code}`;
  return `${protocolName(protocol)} ${end(source, ports?.source)} > ${end(destination, ports?.destination)}${type}`;
}

function hostText({ tags, host }: Iid, { networks }: Fabric): string {
  const ipv4 = new Uint8Array(4);
  put32(ipv4, 0, host);
  if (tags === OUTSIDE_HOSTS.network.tags) return `outside ${formatIpv4(ipv4)}`;
  const network = networks.find((each) => each.tags === tags);
  if (network !== undefined && isIpv6Host(host)) {
    const brought = network.classes.find((each) => each.host === host);
    return `${network.name} ${brought === undefined ? `IPv6 host ${host.toString(16)}` : formatPrefix(brought.prefix)}`;
  }
  const isOwn =
    network !== undefined && [...network.prefixes, ...network.publicPrefixes].some((p) => contains(p, ipv4));
  return `${network?.name ?? tags.toString(16)} ${isOwn ? formatIpv4(ipv4) : `(${formatIpv4(ipv4)})`}`;
}

/** Whether packets from one place get to another. */
export interface ReachJson {
  readonly from: string;
  readonly to: string;
  /** Of what was asked about everything passes, a part of it, or nothing. */
  readonly verdict: "yes" | "some" | "no";
  /** How much of `to` the sender's network has a route to. */
  readonly routed: "all" | "some" | "none";
  /** All that passes, each range once. */
  readonly traffic: readonly TrafficRange[];
  /** A packet that passes, and the rules that let it out and in. Absent: none does. */
  readonly passing?: {
    readonly packet: string;
    readonly out: string;
    readonly in: string;
    /** Answers to it pass too. */
    readonly isAnswered: boolean;
  };
  /** A packet that does not pass, on which side, and the rule that denies it; null: none allows it. */
  readonly blocked?: { readonly packet: string; readonly side: "out" | "in"; readonly rule: string | null };
}

const asJson = ({ from, to, verdict, routed, passing, blocked, traffic }: Reachability, fabric: Fabric): ReachJson => ({
  ...{ from: from.name, to: to.name, verdict, routed, traffic },
  ...(passing !== undefined && {
    passing: {
      ...{ packet: packetText(passing.packet, fabric), out: passing.out.name, in: passing.in.name },
      isAnswered: passing.isAnswered,
    },
  }),
  ...(blocked !== undefined && {
    blocked: { packet: packetText(blocked.packet, fabric), side: blocked.side, rule: blocked.rule?.name ?? null },
  }),
});
