/**
 * A database exchange that a router has with itself: two OSPF hosts of their own become neighbors, one of which has an
 * area to tell. Nobody else hears of it, and nothing of it is kept. What it leaves behind is compiled code, so that the
 * first real exchange need not wait for it. So all must go the way that real packets go: their frames are looped through
 * a forwarder, which takes them for frames for this router.
 */
import { linkLocalFromMac } from "#base/address";
import { ALL_SPF_ROUTERS } from "#ospf/packet/header";
import { framesOf, OspfReader } from "#router/ospf/frames";
import { areaOf, INTERVALS, LSAS_EACH, MTU, ROUTES_EACH, routerId } from "#router/ospf/rehearsal/area";
import { answerAsGate, type GateOptions, updatesOf } from "#router/ospf/rehearsal/gate";
import { Player } from "#router/ospf/rehearsal/player";
import { Reassembly } from "#services/fragments";

/** Of the four ends: the area's gate with one of the two, and the two with one another. */
const macOf = (end: number): Uint8Array => Uint8Array.of(2, 0x41, 0x49, 0x4e, 0xff, end);
const [GATE, TO_GATE, TO_LEARNER, TO_TELLER] = [0, 1, 2, 3];
const GATE_OPTIONS: GateOptions = { linkLocal: linkLocalFromMac(macOf(GATE)), mtu: MTU, hello: INTERVALS };
const TELLER = routerId(0x1_0000);
const LEARNER = routerId(0x1_0001);
/** Octet of an Ethernet frame that says which end it is from. */
const FROM = 11;

export interface RehearsalOptions {
  /** Of the area: two at least. */
  readonly routers: number;
  /** Takes a frame that is to come back: {@link Rehearsal.take}. */
  readonly send: (octets: Uint8Array) => void;
  readonly failed: (text: string) => void;
}

export class Rehearsal {
  private readonly options: RehearsalOptions;
  private readonly teller: Player;
  private readonly learner: Player;
  private readonly reader = new OspfReader(new Reassembly());
  /** What the gate has yet to tell; undefined: it is no neighbor yet. */
  private updates: Iterator<Uint8Array> | undefined;
  private areTogether = false;

  constructor(options: RehearsalOptions) {
    this.options = options;
    const { send: sent, failed } = options;
    const told = new Map([
      ["gate", macOf(TO_GATE)],
      ["link", macOf(TO_LEARNER)],
    ]);
    this.teller = new Player({ routerId: TELLER, uplinks: told, sent, failed });
    this.learner = new Player({ routerId: LEARNER, uplinks: new Map([["link", macOf(TO_TELLER)]]), sent, failed });
    this.teller.open("gate");
  }

  /** A frame that was sent has come back. Those that are nobody's are ignored. */
  take(octets: Uint8Array): void {
    switch (octets[FROM]) {
      case GATE:
        this.teller.take("gate", octets);
        break;
      case TO_GATE:
        this.hearAsGate(octets);
        break;
      case TO_LEARNER:
        this.learner.take("link", octets);
        break;
      case TO_TELLER:
        this.teller.take("link", octets);
    }
  }

  /** What comes next, where it is for this to begin: to be asked again and again. True: all is over. */
  goOn(): boolean {
    const { routers } = this.options;
    if (this.updates === undefined) {
      if ([...this.teller.uplink("gate").neighbors.values()][0]?.state !== "Full") return false;
      const { interfaceId } = this.teller.uplink("gate");
      this.updates = updatesOf(areaOf(routers, { routerId: TELLER, interfaceId }), GATE_OPTIONS.linkLocal);
    }
    const { value: update, done } = this.updates.next();
    if (done !== true) this.sendAsGate(update);
    const learnt = { lsas: LSAS_EACH * routers, routes: ROUTES_EACH * routers };
    if (!this.areTogether) {
      if (!this.teller.hasLearnt("gate", learnt)) return false;
      this.areTogether = true;
      this.teller.open("link");
      this.learner.open("link");
    }
    return this.learner.hasLearnt("link", learnt);
  }

  /** LSAs that the learner has. */
  get learnt(): number {
    return this.learner.host.run.core.instance.lsaCount;
  }

  /** Over at once, finished or not. */
  stop(): void {
    this.teller.host.halt();
    this.learner.host.halt();
  }

  private hearAsGate(octets: Uint8Array): void {
    const read = this.reader.read(octets, GATE_OPTIONS.linkLocal, performance.now());
    if (typeof read === "string") return;
    const answer = answerAsGate(read, GATE_OPTIONS);
    if (answer !== undefined) this.sendAsGate(answer);
  }

  private sendAsGate(packet: Uint8Array): void {
    const datagram = { source: GATE_OPTIONS.linkLocal, destination: ALL_SPF_ROUTERS, octets: packet };
    for (const frame of framesOf(datagram, { mac: macOf(GATE), mtu: MTU, identification: 0 })) this.options.send(frame);
  }
}
