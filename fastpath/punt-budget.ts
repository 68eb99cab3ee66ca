/**
 * How many frames a port may hand to the control thread: a budget for each class of them, so that rubbish sent to a
 * router's own addresses keeps neither neighbor discovery nor routing protocols from getting through.
 */
import { MAX_PORTS } from "#fastpath/counters";
import { type Frame, KIND_IPV6 } from "#fastpath/frame";
import { BINDING_WANTED, DROP_SAMPLE, FLOW_SAMPLE, RULE_LOG } from "#fastpath/shared";
import {
  PUNT_ACTIVATE,
  PUNT_ARP,
  PUNT_DHCP,
  PUNT_GROUP,
  PUNT_HELD,
  PUNT_LEARN,
  PUNT_LOCAL,
  PUNT_ND,
  PUNT_NEIGHBOR,
  PUNT_OWN,
  type Verdict,
} from "#fastpath/verdicts";
import { isNeighborDiscovery, HOP_LIMIT as ND_HOP_LIMIT } from "#wire/nd";
import { PROTOCOL_ICMP6, PROTOCOL_OSPF } from "#wire/protocol";

/** What the link itself lives on: ARP, neighbor discovery. */
const LINK = 0;
/** Routing protocols: they see a dead neighbor in silence. */
const ROUTING = 1;
/** Packets that wait for a next hop's MAC address, or for a VM's to be learnt. */
const WAITING = 2;
/** All else for this router: pings, and whatever anybody sends to it. */
const OTHER = 3;
/** What a VM asks of its services: DHCP. */
const SERVICE = 4;
/** Heads of frames for the log of rules. */
const LOGGED = 5;
/** Heads of frames to subjects that nothing is known of. */
const ASKING = 6;
/** What is for a VM that is about to leave, all traffic of a moment. */
const HELD = 7;
/** Heads of frames that were dropped, of which few are taken already (drop-samples.ts). */
const SAMPLED = 8;
/** Heads of frames for the log of flows. */
const FLOWS = 9;
/** What VMs say of multicast groups. */
const GROUPS = 10;
const CLASSES = 11;
/**
 * Frames of each class that a port may hand up at once, and how many come back each tick (a tenth of a second). A
 * neighbor that hands its whole database over sends thousands of packets in a second, and what is lost of them it repeats
 * only after seconds.
 */
const BURST = [400, 4000, 400, 400, 40, 50, 200, 8000, 100, 200, 100];
const EACH_TICK = [200, 2000, 200, 200, 2, 2, 20, 4000, 20, 50, 20];

export class PuntBudget {
  private readonly left = Int32Array.from({ length: MAX_PORTS * CLASSES }, (_, i) => BURST[i % CLASSES]!);

  /** Takes one from the budget of the frame's port and class. False: it is used up. */
  take(f: Frame, verdict: Verdict, bytes: Uint8Array): boolean {
    const at = f.port * CLASSES + classOf(f, verdict, bytes);
    if (this.left[at]! <= 0) return false;
    this.left[at]! -= 1;
    return true;
  }

  /** `ticks`: tenths of a second that went by. */
  refill(ticks: number): void {
    const b = this.left;
    for (let i = 0; i < b.length; i++) {
      const classOfIt = i % CLASSES;
      b[i] = Math.min(BURST[classOfIt]!, b[i]! + EACH_TICK[classOfIt]! * ticks);
    }
  }
}

/** True for what the last part of the punt ring is kept for. */
export const isVital = (f: Frame, verdict: Verdict, bytes: Uint8Array): boolean =>
  classOf(f, verdict, bytes) <= ROUTING;

function classOf(f: Frame, verdict: Verdict, bytes: Uint8Array): number {
  switch (verdict) {
    case PUNT_ARP:
    case PUNT_ND:
      return LINK;
    case PUNT_DHCP:
      return SERVICE;
    case PUNT_GROUP:
      return GROUPS;
    case RULE_LOG:
      return LOGGED;
    case BINDING_WANTED:
      return ASKING;
    case DROP_SAMPLE:
      return SAMPLED;
    case FLOW_SAMPLE:
      return FLOWS;
    case PUNT_HELD:
      return HELD;
    case PUNT_NEIGHBOR:
    case PUNT_OWN:
    case PUNT_LEARN:
    case PUNT_ACTIVATE:
      return WAITING;
    case PUNT_LOCAL:
      if (f.kind !== KIND_IPV6) return OTHER;
      if (f.protocol === PROTOCOL_OSPF) return ROUTING;
      return mayBeNeighborDiscovery(f, bytes) ? LINK : OTHER;
    default:
      return ROUTING; // the other punts are the routing protocols' own
  }
}

/** As far as the frame's head tells: from a neighbor, by its hop limit (RFC 4861 §3.1). */
const mayBeNeighborDiscovery = (f: Frame, bytes: Uint8Array): boolean =>
  f.protocol === PROTOCOL_ICMP6 && f.l4 !== 0 && f.hopLimit === ND_HOP_LIMIT && isNeighborDiscovery(bytes[f.l4]!);
