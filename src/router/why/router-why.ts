/** What this router would do with a packet, and why: its own fast path's answer, without a packet (fastpath/dry). */
import { formatIpv6, formatMac, masked, parseAddress, parseIpv6, sameAddress } from "#base/address";
import { fromHex, toHex } from "#base/bytes";
import { type DryResult, DryRun, type DrySent, QuietGroups } from "#fastpath/dry/dry-run";
import { MAX_FRAME } from "#fastpath/frame";
import type { ConnectionEntries } from "#fastpath/tables/connection-entries";
import { connectionTicks } from "#fastpath/tables/connection-states";
import type { Snapshot } from "#fastpath/tables/layout";
import { Tunnels } from "#fastpath/tables/tunnels";
import { ENDINGS, PUNT_LEARN, PUNT_NEIGHBOR } from "#fastpath/verdicts";
import type { Vm } from "#router/config/model";
import { hasOffload, type PortState } from "#router/ports";
import type { Router } from "#router/router";
import { RouterError } from "#router/router-error";
import { describedFrame, destinationOf } from "#router/why/described-packet";
import { explainSteps } from "#router/why/explain";
import { icmpText, packetView } from "#router/why/headers";
import type { Known } from "#router/why/known";
import type { FrameQuestion, IcmpView, PacketQuestion, SentView, WhyAnswer, WhyQuestion } from "#router/why/views";
import { monotonicNanos } from "#sys/clock";

/** What of a router is asked. */
export type WhyRouter = Pick<
  Router,
  "configuration" | "ports" | "rules" | "vmNeighbors" | "uplinkNeighbors" | "forwarders" | "routing" | "routeOrigin"
>;

export class RouterWhy {
  readonly #router: WhyRouter;
  #tunnels: Tunnels | undefined;
  #dry: DryRun | undefined;
  #groups: QuietGroups | undefined;

  constructor(router: WhyRouter) {
    this.#router = router;
  }

  /** Throws RouterError for a question that makes no sense here. */
  ask(question: WhyQuestion): WhyAnswer {
    const { port, octets } = this.frameOf(question);
    const { forwarders, ports, configuration } = this.#router;
    const open = [...ports.all.values()].filter(({ trouble }) => trouble === undefined);
    const dry = this.#dryRun();
    const asked = {
      ...{ snapshot: forwarders.snapshot, now: connectionTicks(monotonicNanos()), port: port.index, octets },
      ports: open.map((each) => ({ index: each.index, offload: hasOffload(each) })),
    };
    const supposed: string[] = [];
    let result = dry.run(asked);
    for (let text = this.#suppose(result, port, octets); text !== undefined && supposed.length < MOST_SUPPOSED; ) {
      supposed.push(text);
      result = dry.run(asked);
      text = this.#suppose(result, port, octets);
    }
    this.#quietGroups().supposed.clear();
    const known = this.known(dry.tables);
    const { name, fate, meaning } = ENDINGS[result.ending]!;
    return {
      ...{ router: configuration.node.name, port: port.name, packet: packetView(octets) },
      stages: explainSteps(known, result.steps, result.stepCount, port.index),
      ending: { name, fate, meaning },
      icmp: icmpOwed(result.ending, octets),
      supposed,
      sent: result.sent.map((each) => this.#sentView(each)),
      errors: result.errors.map((each) => this.#sentView(each)),
    };
  }

  /** The frame, and the port it comes in by. Throws RouterError. */
  frameOf(question: WhyQuestion): { readonly port: PortState; readonly octets: Uint8Array } {
    return "frame" in question ? this.#given(question) : this.#described(question);
  }

  known(tables: Known["tables"]): Known {
    const { configuration, ports, rules, uplinkNeighbors, routing } = this.#router;
    const groups = this.#quietGroups();
    return {
      ...{ node: configuration.node, fabric: configuration.fabric, tables },
      port: (index) => ports.all.get(index),
      rule: (side, number) => rules.rule(side, number),
      hopAddress: (adjacency) => uplinkNeighbors.hopOf(adjacency)?.address,
      members: (group) => groups.members(group),
      route: remembered((address) => {
        const length = longestRoute(address, (prefix, octets) => routing.fib.get(prefix, octets) !== 0);
        if (length === undefined) return undefined;
        const prefix = `${formatIpv6(masked(address, length))}/${length}`;
        return { prefix, origin: this.#router.routeOrigin(prefix) };
      }),
    };
  }

  /**
   * What of the forwarders' tables is needed to tell of their frames: the snapshot, next hops and tunnels; `entries`:
   * connections. Nothing else is there.
   */
  tablesOf(snapshot: Snapshot, entries: ConnectionEntries): Known["tables"] {
    const { forwarders } = this.#router;
    this.#tunnels ??= new Tunnels(forwarders.tables.tunnels);
    return {
      ...{ vms: snapshot.vms, adjacencies: this.#quietGroups(), tunnels: this.#tunnels },
      connections: { entries },
    };
  }

  /** Where a frame goes that leaves by a port. `octets`: from its Ethernet header on, at least its destination. */
  hopOf(index: number, octets: Uint8Array): Omit<SentView, "packet"> {
    const port = this.#router.ports.all.get(index)!;
    const nextHop = this.#nextHop(port, octets);
    return { port: port.name, kind: port.kind, vm: port.vm?.name ?? null, nextHop, mac: formatMac(octets, 0) };
  }

  #sentView({ port, octets }: DrySent): SentView {
    return { ...this.hopOf(port, octets), packet: packetView(octets) };
  }

  /** A VM's MAC address that control would learn, or ask for: what is supposed of it. Undefined: nothing is. */
  #suppose({ ending, adjacency }: DryResult, from: PortState, octets: Uint8Array): string | undefined {
    const { vmNeighbors } = this.#router;
    const { supposed } = this.#quietGroups();
    if (ending === PUNT_LEARN) {
      supposed.set(vmNeighbors.adjacencyOf(from.index), octets.slice(6, 12));
      return `VM ${from.name} sends from ${formatMac(octets, 6)}, which the router learns by it`;
    }
    const to = ending === PUNT_NEIGHBOR ? vmNeighbors.portOf(adjacency) : undefined;
    if (to === undefined) return undefined;
    supposed.set(adjacency, NOBODYS_MAC);
    return `VM ${to.name} answers when the router asks for its MAC address`;
  }

  #nextHop(port: PortState, octets: Uint8Array): string | null {
    if (port.kind === "vm") return null;
    const mac = formatMac(octets, 0);
    const neighbor = this.#router.uplinkNeighbors
      .view()
      .find((each) => each.port === port.name && each.mac === mac && parseIpv6(each.address) !== undefined);
    return neighbor?.address ?? null;
  }

  #given({ port: name, frame }: FrameQuestion): { readonly port: PortState; readonly octets: Uint8Array } {
    const octets = fromHex(frame);
    if (octets === undefined || octets.length < 14 || octets.length > MAX_FRAME)
      throw new RouterError(`frame: expected 14 … ${MAX_FRAME} octets in hexadecimal digits`);
    const all = [...this.#router.ports.all.values()];
    const to = octets.subarray(0, 6);
    const port =
      name === undefined
        ? all.find((each) => each.kind === "uplink" && sameAddress(each.mac, to))
        : all.findLast((each) => each.name === name);
    if (port === undefined) throw new RouterError(`no port here is called ${name ?? `${formatMac(to)}'s`}`);
    return { port, octets };
  }

  #described(question: PacketQuestion): { readonly port: PortState; readonly octets: Uint8Array } {
    const { ports, configuration, vmNeighbors } = this.#router;
    const port = ports.find("vm", question.from);
    if (port?.vm === undefined) throw new RouterError(`no VM here is called ${question.from}`);
    const mac = vmNeighbors.macOf(port.index) ?? port.vm.mac?.bytes ?? NOBODYS_MAC;
    const address = sourceOf(port.vm, question);
    const gatewayMac = configuration.fabric.gatewayMac.bytes;
    return { port, octets: describedFrame(question, { mac, gatewayMac, address }) };
  }

  #quietGroups(): QuietGroups {
    this.#groups ??= new QuietGroups(this.#router.routing.groups.buffer);
    return this.#groups;
  }

  #dryRun(): DryRun {
    this.#dry ??= new DryRun(this.#router.forwarders.tables, this.#quietGroups());
    return this.#dry;
  }
}

/** The sender's, and the receiver's. */
const MOST_SUPPOSED = 2;

/** Of a VM that has not said a word yet. Locally administered. */
const NOBODYS_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);

function sourceOf(vm: Vm, question: PacketQuestion): Uint8Array {
  const is6 = destinationOf(question).length === 16;
  const own = is6 ? vm.ipv6.map(({ bytes }) => bytes) : vm.ipv4 === undefined ? [] : [vm.ipv4.address.bytes];
  const asked = question.source === undefined ? undefined : parseAddress(question.source);
  const address = question.source === undefined ? own[0] : asked;
  if (address === undefined || address.length !== (is6 ? 16 : 4))
    throw new RouterError(
      `VM ${vm.name} has no ${is6 ? "IPv6" : "IPv4"} address${question.source ? ` ${question.source}` : ""}`,
    );
  return address;
}

/** Asks once for each address. */
function remembered<T>(find: (address: Uint8Array) => T): (address: Uint8Array) => T {
  const found = new Map<string, T>();
  return (address) => {
    const key = toHex(address);
    if (!found.has(key)) found.set(key, find(address));
    return found.get(key)!;
  };
}

/** Length of the longest prefix of the address that `has` a route. */
function longestRoute(address: Uint8Array, has: (prefix: Uint8Array, length: number) => boolean): number | undefined {
  for (let length = 128; length >= 0; length--) if (has(masked(address, length), length)) return length;
  return undefined;
}

const icmpOwed = (ending: number, octets: Uint8Array): IcmpView | null =>
  icmpOwedBy(ending, octets[12] === 0x86 && octets[13] === 0xdd);

/** `is6`: the frame is IPv6. */
export function icmpOwedBy(ending: number, is6: boolean): IcmpView | null {
  const owed = is6 ? ENDINGS[ending]!.icmp6 : ENDINGS[ending]!.icmp4;
  if (owed === undefined) return null;
  const [type, code] = owed;
  return { type, code, text: icmpText(is6, type, code) };
}
