/**
 * ARP towards VMs (RFC 826, RFC 5227), sans-IO. A VM's network has no broadcast domain (paper §2.2): whoever it asks
 * for, the gateway answers with the gateway's MAC (proxy ARP, RFC 1027), except for the VM's own address, which nobody
 * else has. Where the configuration gives no MAC, the VM's own is learnt, and asked for until it is known. On an Ethernet
 * segment too the gateway answers for everybody, unless the VMs are to hear one another's requests themselves.
 */
import { contains, hasHostBits, type Prefix, sameAddress } from "#base/address";
import { equal } from "#base/bytes";
import { type Millis, NEVER } from "#base/time";
import * as arp from "#wire/arp";
import { BROADCAST, SIZE as ETHERNET, ETHERTYPE_ARP, etherType, frame, SOURCE, source } from "#wire/ethernet";
import { isHostAddress } from "#wire/ipv4";

/** `port`: index of a VM's port. Frames are whole Ethernet frames. */
export type ArpEvent =
  /** A VM's port came up. `mac` as configured; absent: to be learnt. */
  | {
      readonly type: "attach";
      readonly port: number;
      readonly address: Uint8Array;
      readonly gateway: Uint8Array;
      readonly gatewayMac: Uint8Array;
      readonly mac?: Uint8Array;
    }
  | { readonly type: "detach"; readonly port: number }
  /** What holds for the VM's network now; what is learnt stays. */
  | { readonly type: "network"; readonly port: number; readonly gateway: Uint8Array; readonly segment?: ArpSegment }
  /** The answer to "probed": somebody has the address. `frame`: the same. */
  | { readonly type: "taken"; readonly port: number; readonly frame: Uint8Array }
  | { readonly type: "frame"; readonly port: number; readonly frame: Uint8Array }
  /** An IPv4 frame with the VM's own address came from `mac`. */
  | { readonly type: "seen"; readonly port: number; readonly mac: Uint8Array }
  /** A packet waits for the VM's MAC; `held` names it. */
  | { readonly type: "resolve"; readonly port: number; readonly held: number }
  | { readonly type: "timer" };

/** The Ethernet segment that a VM is on. */
export interface ArpSegment {
  /** The gateway is in it; its first and last address are nobody's. At most /30. */
  readonly prefix: Prefix;
  /** False: requests for its addresses, but for the gateway's, go to all its VMs, and whoever has the address answers. */
  readonly answers: boolean;
}

export type ArpEffect =
  | { readonly type: "send"; readonly port: number; readonly frame: Uint8Array }
  /** On its segment a VM wants to know whether anybody has an address, before it takes it (RFC 5227 §2.1.1). */
  | { readonly type: "probed"; readonly port: number; readonly address: Uint8Array; readonly frame: Uint8Array }
  /** The VM's MAC for the fast path. */
  | { readonly type: "adjacency"; readonly port: number; readonly mac: Uint8Array | "unresolved" | "failed" }
  /** Packets that go through the pipeline again: sent if the MAC is known, refused if the VM did not answer. */
  | { readonly type: "release"; readonly held: readonly number[] }
  /** Packets given up for newer ones ("overflow"), or with their port ("detached"). */
  | { readonly type: "drop"; readonly held: readonly number[]; readonly reason: "overflow" | "detached" };

export interface ArpCounters {
  answered: number;
  asked: number;
  learnt: number;
  /** Not Ethernet/IPv4 ARP, or cut short. */
  malformed: number;
  /** Sender MAC addresses that are not the frame's own, not the configured one, or a group's. */
  spoofedMac: number;
  /** Sender IPv4 addresses that are not the VM's own. */
  spoofedAddress: number;
  /** Probes, and announcements of the VM's own address: right to ask, nothing to answer (RFC 5227 §2.1). */
  probes: number;
  /** Replies, which teach the VM's MAC and no more, and what is neither request nor reply. */
  ignored: number;
  /** Requests for an address no host can have: unspecified, loopback, multicast, reserved (RFC 1122 §3.2.1.3). */
  impossible: number;
  /** Probes of a segment's address that is another's: told so. */
  defended: number;
  /** Requests that whoever is asked for answers. */
  left: number;
}

interface Attached {
  readonly port: number;
  readonly address: Uint8Array;
  gateway: Uint8Array;
  segment: ArpSegment | undefined;
  readonly gatewayMac: Uint8Array;
  /** False: from the configuration, never replaced. */
  readonly learns: boolean;
  mac: Uint8Array | undefined;
  held: number[];
  asked: number;
  deadline: Millis;
}

/** Requests before waiting packets are refused. */
const PATIENCE = 3;
const FIRST_RETRY: Millis = 250;
const LONGEST_RETRY: Millis = 30_000;
/** Packets held per VM. */
const MAX_HELD = 3;
const NOBODY = new Uint8Array(6);

export class VmArp {
  readonly counters: ArpCounters = {
    answered: 0,
    asked: 0,
    learnt: 0,
    malformed: 0,
    spoofedMac: 0,
    spoofedAddress: 0,
    probes: 0,
    ignored: 0,
    impossible: 0,
    defended: 0,
    left: 0,
  };
  readonly #vms = new Map<number, Attached>();

  handle(event: ArpEvent, now: Millis): ArpEffect[] {
    const effects: ArpEffect[] = [];
    if (event.type === "attach") this.#attach(effects, event, now);
    else if (event.type === "timer") this.#expire(effects, now);
    else {
      const vm = this.#vms.get(event.port);
      if (vm === undefined) return effects;
      if (event.type === "detach") this.#detach(effects, vm);
      else if (event.type === "frame") this.#frame(effects, vm, event.frame);
      else if (event.type === "seen") this.#learn(effects, vm, event.mac);
      else if (event.type === "taken") this.#defend(effects, vm, event.frame);
      else if (event.type === "network") {
        vm.gateway = event.gateway;
        vm.segment = event.segment;
      } else this.#hold(effects, vm, event.held, now);
    }
    return effects;
  }

  /** When handle() wants to be called next, at the latest. */
  deadline(): Millis {
    let first = NEVER;
    for (const vm of this.#vms.values()) first = Math.min(first, vm.deadline);
    return first;
  }

  /** The VM's MAC address, undefined while it is not known. */
  macOf(port: number): Uint8Array | undefined {
    return this.#vms.get(port)?.mac;
  }

  #attach(effects: ArpEffect[], event: Extract<ArpEvent, { type: "attach" }>, now: Millis): void {
    const { port, address, gateway, gatewayMac, mac } = event;
    const before = this.#vms.get(port);
    if (before !== undefined) this.#detach(effects, before);
    const vm: Attached = {
      port,
      address,
      gateway,
      segment: undefined,
      gatewayMac,
      learns: mac === undefined,
      mac,
      held: [],
      asked: 0,
      deadline: NEVER,
    };
    this.#vms.set(port, vm);
    effects.push({ type: "adjacency", port, mac: mac ?? "unresolved" });
    if (mac === undefined) this.#ask(effects, vm, now);
  }

  #detach(effects: ArpEffect[], vm: Attached): void {
    this.#vms.delete(vm.port);
    effects.push({ type: "adjacency", port: vm.port, mac: "unresolved" });
    if (vm.held.length > 0) effects.push({ type: "drop", held: vm.held, reason: "detached" });
  }

  /** Asks for the VM's MAC; again after 250 ms, 500 ms … 30 s, for as long as it is not known. */
  #ask(effects: ArpEffect[], vm: Attached, now: Millis): void {
    const packet = {
      operation: arp.REQUEST,
      senderHardware: vm.gatewayMac,
      senderProtocol: vm.gateway,
      targetHardware: NOBODY,
      targetProtocol: vm.address,
    };
    effects.push({ type: "send", port: vm.port, frame: frameOf(BROADCAST, vm, packet) });
    vm.deadline = now + Math.min(LONGEST_RETRY, FIRST_RETRY * 2 ** vm.asked);
    vm.asked++;
    this.counters.asked++;
  }

  #expire(effects: ArpEffect[], now: Millis): void {
    for (const vm of this.#vms.values()) {
      if (vm.deadline > now) continue;
      if (vm.asked >= PATIENCE && vm.held.length > 0) {
        effects.push({ type: "adjacency", port: vm.port, mac: "failed" }, { type: "release", held: vm.held });
        vm.held = [];
      } else if (vm.asked >= PATIENCE) {
        effects.push({ type: "adjacency", port: vm.port, mac: "unresolved" });
      }
      this.#ask(effects, vm, now);
    }
  }

  #hold(effects: ArpEffect[], vm: Attached, held: number, now: Millis): void {
    if (vm.mac !== undefined) {
      effects.push({ type: "release", held: [held] });
      return;
    }
    vm.held.push(held);
    if (vm.held.length > MAX_HELD) effects.push({ type: "drop", held: vm.held.splice(0, 1), reason: "overflow" });
    if (vm.asked < PATIENCE) return;
    vm.asked = 0; // somebody wants it: ask briskly again
    this.#ask(effects, vm, now);
  }

  #learn(effects: ArpEffect[], vm: Attached, mac: Uint8Array): void {
    if (!vm.learns || (mac[0]! & 1) !== 0 || equal(mac, 0, NOBODY, 0, 6)) return;
    if (vm.mac !== undefined && equal(vm.mac, 0, mac, 0, 6)) return;
    vm.mac = mac.slice(0, 6);
    vm.deadline = NEVER;
    vm.asked = 0;
    this.counters.learnt++;
    effects.push({ type: "adjacency", port: vm.port, mac: vm.mac });
    if (vm.held.length > 0) effects.push({ type: "release", held: vm.held });
    vm.held = [];
  }

  #frame(effects: ArpEffect[], vm: Attached, b: Uint8Array): void {
    const fault = faultOf(vm, b);
    if (fault !== undefined) {
      this.counters[fault]++;
      return;
    }
    const probe = arp.isProbe(b, ETHERNET);
    // A probe is no claim yet (RFC 5227 §1.1); all else says that the VM's address is at this MAC.
    if (!probe) this.#learn(effects, vm, source(b, 0));
    if (arp.operation(b, ETHERNET) !== arp.REQUEST) this.counters.ignored++;
    else if (equal(b, ETHERNET + arp.TARGET_PROTOCOL, vm.address, 0, 4)) this.counters.probes++;
    else if (!isHostAddress(b, ETHERNET + arp.TARGET_PROTOCOL)) this.counters.impossible++;
    else if (vm.segment !== undefined) this.#onSegment(effects, vm, b);
    else if (probe) this.counters.probes++;
    else this.#answer(effects, vm, b);
  }

  /** A request for another's address. */
  #onSegment(effects: ArpEffect[], vm: Attached, b: Uint8Array): void {
    const { prefix, answers } = vm.segment!;
    const address = arp.targetProtocol(b, ETHERNET);
    const probe = arp.isProbe(b, ETHERNET);
    const inside = contains(prefix, address);
    if (inside && isEdge(prefix, address)) this.counters.impossible++;
    else if (sameAddress(address, vm.gateway)) {
      if (probe) this.#defend(effects, vm, b);
      else this.#answer(effects, vm, b);
    } else if (inside && !answers) this.counters.left++;
    else if (!probe) this.#answer(effects, vm, b);
    else {
      this.counters.probes++;
      if (inside) effects.push({ type: "probed", port: vm.port, address, frame: b });
    }
  }

  #defend(effects: ArpEffect[], vm: Attached, b: Uint8Array): void {
    this.#reply(effects, vm, b);
    this.counters.defended++;
  }

  #answer(effects: ArpEffect[], vm: Attached, b: Uint8Array): void {
    this.#reply(effects, vm, b);
    this.counters.answered++;
  }

  #reply(effects: ArpEffect[], vm: Attached, b: Uint8Array): void {
    const asker = source(b, 0);
    const packet = {
      operation: arp.REPLY,
      senderHardware: vm.gatewayMac,
      senderProtocol: arp.targetProtocol(b, ETHERNET),
      targetHardware: asker,
      targetProtocol: arp.senderProtocol(b, ETHERNET), // nobody's, of a probe
    };
    effects.push({ type: "send", port: vm.port, frame: frameOf(asker, vm, packet) });
  }
}

/** Network and broadcast address (RFC 922 §7): of an address inside of the prefix. */
const isEdge = ({ length }: Prefix, address: Uint8Array): boolean =>
  !hasHostBits(address, length) || !hasHostBits(inverted(address), length);

const inverted = (address: Uint8Array): Uint8Array => address.map((octet) => ~octet & 0xff);

/** A VM speaks with its own MAC, in the frame as in the message, and of its own address, or of none in a probe. */
function faultOf(vm: Attached, b: Uint8Array): "malformed" | "spoofedMac" | "spoofedAddress" | undefined {
  if (!arp.fits(b, ETHERNET, b.length) || etherType(b, 0) !== ETHERTYPE_ARP) return "malformed";
  const sender = ETHERNET + arp.SENDER_HARDWARE;
  if (!equal(b, SOURCE, b, sender, 6) || (b[sender]! & 1) !== 0) return "spoofedMac";
  // One that was learnt may change: the VM is alone on its port, and may have got another network card.
  if (!vm.learns && !equal(b, sender, vm.mac!, 0, 6)) return "spoofedMac";
  const own = arp.isProbe(b, ETHERNET) || equal(b, ETHERNET + arp.SENDER_PROTOCOL, vm.address, 0, 4);
  return own ? undefined : "spoofedAddress";
}

function frameOf(to: Uint8Array, vm: Attached, packet: arp.ArpPacket): Uint8Array {
  const payload = new Uint8Array(arp.SIZE);
  arp.write(payload, 0, packet);
  return frame(to, vm.gatewayMac, ETHERTYPE_ARP, payload);
}
