/** Frames that forwarders hand up, and whose they are. */
import { NO_PORT } from "#fastpath/counters";
import { BINDING_WANTED, DROP_SAMPLE, FLOW_SAMPLE, INJECT_KEPT, INJECT_RECEIVE, RULE_LOG } from "#fastpath/shared";
import {
  HOLD_ENDED,
  PUNT_ACTIVATE,
  PUNT_ARP,
  PUNT_DHCP,
  PUNT_GROUP,
  PUNT_HELD,
  PUNT_LEARN,
  PUNT_LOCAL,
  PUNT_ND,
  SPOOFED_MAC,
} from "#fastpath/verdicts";
import type { RouterBroadcast } from "#router/broadcast/router-broadcast";
import type { RouterDrops } from "#router/drops/router-drops";
import type { RouterFlows } from "#router/flows/router-flows";
import type { Punt } from "#router/forwarders";
import type { LocalDelivery } from "#router/local-delivery";
import type { Log } from "#router/log";
import type { RouterMobility } from "#router/mobility/router-mobility";
import type { RouterOspf } from "#router/ospf/router-ospf";
import type { OutsideSide } from "#router/outside-side";
import type { PortState, Ports } from "#router/ports";
import type { ServicesIo } from "#router/services-io";
import type { UplinkNeighbors } from "#router/uplink-neighbors";
import type { VmDhcp } from "#router/vm-dhcp";
import type { VmDhcp6 } from "#router/vm-dhcp6";
import type { VmNeighbors } from "#router/vm-neighbors";
import type { Arrivals } from "#router/vms/arrivals";
import type { Vms } from "#router/vms/registry";
import { ETHERTYPE_IPV6, etherType } from "#wire/ethernet";

export interface PuntParts {
  readonly ports: Ports;
  readonly vmNeighbors: VmNeighbors;
  readonly vmDhcp: VmDhcp;
  readonly vmDhcp6: VmDhcp6;
  readonly uplinkNeighbors: UplinkNeighbors;
  readonly outside: OutsideSide;
  readonly ospf: RouterOspf;
  readonly mobility: RouterMobility;
  readonly broadcast: Pick<RouterBroadcast, "take" | "takeGroup">;
  readonly vms: Vms;
  readonly arrivals: Arrivals;
  readonly local: LocalDelivery;
  readonly io: Pick<ServicesIo, "inject" | "lost">;
  readonly drops: Pick<RouterDrops, "shown">;
  readonly flows: Pick<RouterFlows, "shown">;
  readonly log: Log;
  /** What a rule that wants it decided about a flow, in words. */
  readonly describe: (punt: Punt) => string;
}

export class Punts {
  readonly #parts: PuntParts;

  constructor(parts: PuntParts) {
    this.#parts = parts;
  }

  take(punt: Punt): void {
    const { ports, io } = this.#parts;
    const port = ports.all.get(punt.frame.port);
    if (punt.verdict >= FLOW_SAMPLE) this.#noted(port, punt);
    else if (punt.frame.port === NO_PORT) this.#parts.ospf.rehearsed(punt.octets);
    else if (port === undefined) io.lost(punt.frame.port, HOLD_ENDED, punt.octets);
    else if (port.kind === "uplink" || port.kind === "outside") this.#fromOutside(port, punt);
    else this.#fromVm(port, punt);
  }

  /** No frame, but the head of one that goes its own way. */
  #noted(port: PortState | undefined, punt: Punt): void {
    const { log, describe, mobility, drops, flows } = this.#parts;
    if (port === undefined) return;
    if (punt.verdict === RULE_LOG) log.info(describe(punt), "rule-decision", { port: port.name });
    else if (punt.verdict === BINDING_WANTED) mobility.wanted(punt.adjacency);
    else if (punt.verdict === DROP_SAMPLE) drops.shown(port, punt);
    else flows.shown(port, punt);
  }

  /** From the fabric, or from beyond it. */
  #fromOutside(port: PortState, punt: Punt): void {
    const { uplinkNeighbors, ospf, mobility, broadcast, local, outside } = this.#parts;
    if (punt.verdict === PUNT_ARP) {
      outside.takeArp(punt.octets);
    } else if (punt.verdict === PUNT_ND) {
      outside.takeNd(punt.octets);
    } else if (punt.verdict === PUNT_LOCAL) {
      const isUplink = port.kind === "uplink";
      if (isUplink && uplinkNeighbors.take(port, punt)) return;
      if (isUplink && ospf.take(port, punt.octets)) return;
      if (isUplink && mobility.take(port, punt.octets)) return;
      if (isUplink && broadcast.take(port, punt.octets)) return;
      local.take(port, punt.octets);
    } else {
      this.#wait(port, punt);
    }
  }

  /** From a VM, or from the metadata service. */
  #fromVm(port: PortState, punt: Punt): void {
    const { vmNeighbors, vmDhcp, vmDhcp6, mobility, broadcast, arrivals, local, io } = this.#parts;
    switch (punt.verdict) {
      case PUNT_ARP:
        vmNeighbors.arp(port, punt.octets);
        break;
      case PUNT_ND:
        vmNeighbors.nd(port, punt.octets);
        break;
      case PUNT_DHCP:
        if (etherType(punt.octets, 0) === ETHERTYPE_IPV6) vmDhcp6.take(punt);
        else vmDhcp.take(punt);
        break;
      case PUNT_GROUP:
        broadcast.takeGroup(port, punt.octets);
        break;
      case PUNT_LEARN:
        if (vmNeighbors.learn(port, punt.octets)) io.inject(punt.frame, punt.octets, INJECT_RECEIVE);
        else io.lost(port.index, SPOOFED_MAC, punt.octets); // a group's: nobody's own
        break;
      case PUNT_ACTIVATE:
        mobility.flights.firstFrame(port.name);
        arrivals.take(port, punt);
        break;
      case PUNT_LOCAL:
        local.take(port, punt.octets);
        break;
      default:
        this.#wait(port, punt);
    }
  }

  /** Wherever it is from, it cannot be delivered yet. */
  #wait(port: PortState, punt: Punt): void {
    const { uplinkNeighbors, vmNeighbors, vms, io } = this.#parts;
    if (punt.verdict === PUNT_HELD) {
      const to = vmNeighbors.portOf(punt.adjacency);
      if (to === undefined || !vms.keep(to.index, punt)) io.inject(punt.frame, punt.octets, INJECT_KEPT);
    } else if (!uplinkNeighbors.hold(punt) && !vmNeighbors.hold(punt)) {
      io.lost(port.index, HOLD_ENDED, punt.octets);
    }
  }
}
