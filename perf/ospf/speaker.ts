/**
 * The neighbor that has an area to tell of: as much of OSPFv3 as a router under test needs to become Full and to be kept
 * busy, on a point-to-point link, always the master. It believes what it is told, and keeps nothing of it.
 */

import { put16, put32 } from "#base/bytes";
import { Malformed } from "#base/reader";
import { fletcher } from "#ospf/packet/fletcher";
import {
  ALL_SPF_ROUTERS,
  DATABASE_DESCRIPTION,
  HELLO,
  LINK_STATE_ACKNOWLEDGMENT,
  LINK_STATE_REQUEST,
  LINK_STATE_UPDATE,
} from "#ospf/packet/header";
import { CHECKSUM_AT, type Lsa } from "#ospf/packet/lsa";
import { LSA_HEADER_SIZE, type LsaHeader, lsaHeaderAt } from "#ospf/packet/lsa-header";
import {
  type DatabaseDescription,
  DD_I,
  DD_M,
  DD_MS,
  type Hello,
  type LinkStateRequest,
  type OspfPacket,
  readPacket,
  writePacket,
} from "#ospf/packet/packet";
import { keyOf } from "#ospf/state";
import { type Area, KINDS, type Kind, OPTIONS, octetsOf, SPEAKER_ID, SPEAKER_INTERFACE } from "./area";

const MTU = 1500;
const HEADERS = Math.floor((MTU - 40 - 16 - 12) / LSA_HEADER_SIZE);
const UPDATE_ROOM = MTU - 40 - 16 - 4;
const HELLO_INTERVAL = 1000; // milliseconds
/** Without an answer for so long, it is said again: the routers' own default, as FRR acknowledges after three seconds. */
const RETRANSMIT = 5000;
/** Milliseconds between bursts of refreshed LSAs. */
export const STEP = 10;

export interface SpeakerOptions {
  readonly linkLocal: Uint8Array;
  /** LSAs of the area. */
  readonly lsas: number;
  readonly kind: Kind;
  readonly send: (destination: Uint8Array, octets: Uint8Array) => void;
  readonly say: (event: object) => void;
}

type State = "waiting" | "silent" | "ExStart" | "Exchange" | "Loading";

export class Speaker {
  readonly #options: SpeakerOptions;
  #state: State = "silent";
  #area: Area | undefined;
  /** Headers as told, by place in the area; the Link-LSA comes last. */
  #octets: Uint8Array[] = [];
  readonly #places = new Map<string, number>();
  #tested: { routerId: number; interfaceId: number } | undefined;
  #sequence = 0x1000;
  #described = 0;
  /** Answered once all is described: FRR asks for nothing more for five seconds when it is answered sooner. */
  readonly #asked: number[] = [];
  #lastDescription: OspfPacket | undefined;
  #repeatAt = Number.POSITIVE_INFINITY;
  #helloAt = 0;
  /** LSAs of the refresh under way: where it is, how many at a time. */
  #refresh: { at: number; each: number; next: number } | undefined;
  readonly #pending = new Map<number, { key: string; sequence: number; at: number }>();
  #counts = { requested: 0, sent: 0, repeated: 0, acknowledged: 0, received: 0 };

  constructor(options: SpeakerOptions) {
    this.#options = options;
  }

  /** Answers the router's hellos from now on. */
  begin(): void {
    this.#state = "waiting";
  }

  /** All LSAs again, evenly over so many milliseconds. */
  refresh(duration: number, now: number): void {
    this.#refresh = { at: 0, each: Math.ceil((this.#octets.length * STEP) / duration), next: now };
  }

  /** One link of a router far away costs one more or less: a change of the tree. */
  change(now: number): void {
    const place = this.#octets.findLastIndex((octets) => lsaHeaderAt(octets, 0).type === 0x2001);
    const octets = this.#octets[place]!;
    octets[LSA_HEADER_SIZE + 4 + 3]! ^= 1;
    this.#renew(place, now);
    this.#update([place]);
  }

  get counts(): object {
    return { ...this.#counts, pending: this.#pending.size };
  }

  deadline(): number {
    return Math.min(this.#helloAt, this.#repeatAt, this.#refresh?.next ?? Number.POSITIVE_INFINITY);
  }

  timer(now: number): void {
    if (this.#state === "silent") {
      this.#helloAt = now + HELLO_INTERVAL;
      return;
    }
    if (now >= this.#helloAt) this.#hello(now);
    if (now >= this.#repeatAt) this.#repeat(now);
    while (this.#refresh !== undefined && now >= this.#refresh.next) this.#refreshMore(now);
  }

  receive(source: Uint8Array, destination: Uint8Array, octets: Uint8Array, now: number): void {
    const read = readPacket({ source, destination, octets }, "trailer"); // a checksum costs time that is not its own
    if (read instanceof Malformed || this.#state === "silent") return;
    const { packet } = read;
    switch (packet.type) {
      case HELLO:
        this.#heardHello(packet, now);
        return;
      case DATABASE_DESCRIPTION:
        this.#heardDescription(packet, now);
        return;
      case LINK_STATE_REQUEST:
        this.#heardRequest(packet);
        return;
      case LINK_STATE_UPDATE:
        this.#counts.received += packet.lsas.length;
        this.#acknowledge(packet.lsas);
        return;
      case LINK_STATE_ACKNOWLEDGMENT:
        for (const header of packet.headers) this.#heardAcknowledgment(header);
    }
  }

  #heardHello({ routerId, interfaceId, neighbors }: Hello, now: number): void {
    if (this.#state === "waiting") {
      this.#options.say({ event: "hello" });
      this.#tested = { routerId, interfaceId };
      this.#fill();
      this.#state = "ExStart";
      this.#hello(performance.now());
    }
    if (this.#state !== "ExStart" || !neighbors.includes(SPEAKER_ID) || this.#lastDescription !== undefined) return;
    this.#describe([], DD_I | DD_M | DD_MS, now);
  }

  #fill(): void {
    const { linkLocal: linkLocalAddress, lsas, kind } = this.#options;
    this.#area = KINDS[kind](lsas, this.#tested!);
    const link = { kind: "link", priority: 1, options: OPTIONS, linkLocalAddress, prefixes: [] } as const;
    this.#octets = [...this.#area.lsas, octetsOf(SPEAKER_ID, SPEAKER_INTERFACE, link)];
    for (const [place, octets] of this.#octets.entries()) this.#places.set(keyOf(lsaHeaderAt(octets, 0)), place);
    this.#options.say({ event: "area", lsas, prefixes: this.#area.prefixes });
  }

  #hello(now: number): void {
    this.#helloAt = now + HELLO_INTERVAL;
    const neighbors = this.#tested === undefined ? [] : [this.#tested.routerId];
    const timers = { helloInterval: 1, routerDeadInterval: 40 };
    const nobody = { designatedRouter: 0, backupDesignatedRouter: 0 };
    const own = { interfaceId: SPEAKER_INTERFACE, priority: 1, options: OPTIONS };
    this.#send({ type: HELLO, ...SENDER, ...own, ...timers, ...nobody, neighbors });
  }

  #describe(headers: readonly LsaHeader[], flags: number, now: number): void {
    const about = { options: OPTIONS, interfaceMtu: MTU, flags, sequence: this.#sequence, headers };
    this.#lastDescription = { type: DATABASE_DESCRIPTION, ...SENDER, ...about };
    this.#send(this.#lastDescription);
    this.#repeatAt = now + RETRANSMIT;
  }

  #heardDescription({ flags, sequence }: DatabaseDescription, now: number): void {
    const isFirst = this.#state === "ExStart" && this.#lastDescription === undefined;
    if (isFirst && (flags & DD_I) !== 0) this.#describe([], DD_I | DD_M | DD_MS, now);
    if ((flags & (DD_I | DD_MS)) !== 0 || sequence !== this.#sequence) return;
    if (this.#state !== "ExStart" && this.#state !== "Exchange") return;
    if (this.#state === "Exchange" && this.#described >= this.#octets.length && (flags & DD_M) === 0) {
      this.#state = "Loading";
      this.#repeatAt = now + RETRANSMIT;
      this.#lastDescription = undefined;
      this.#options.say({ event: "described" });
      this.#update(this.#asked.splice(0));
      return;
    }
    this.#state = "Exchange";
    this.#sequence++;
    const part = this.#octets.slice(this.#described, this.#described + HEADERS);
    this.#described += part.length;
    const more = this.#described < this.#octets.length ? DD_M : 0;
    this.#describe(
      part.map((octets) => lsaHeaderAt(octets, 0)),
      DD_MS | more,
      now,
    );
  }

  #heardRequest({ requests }: LinkStateRequest): void {
    const places: number[] = [];
    for (const identity of requests) {
      const place = this.#places.get(keyOf(identity));
      if (place !== undefined) places.push(place);
    }
    this.#counts.requested += requests.length;
    if (this.#counts.requested >= this.#octets.length) this.#options.say({ event: "requested" });
    if (this.#state === "Loading") this.#update(places);
    else this.#asked.push(...places);
  }

  #update(places: readonly number[]): void {
    let lsas: Lsa[] = [];
    let length = 0;
    const flush = () => {
      if (lsas.length > 0) this.#send({ type: LINK_STATE_UPDATE, ...SENDER, lsas });
      [lsas, length] = [[], 0];
    };
    this.#counts.sent += places.length;
    for (const place of places) {
      const octets = this.#octets[place]!;
      if (length + octets.length > UPDATE_ROOM) flush();
      lsas.push({ header: { ...lsaHeaderAt(octets, 0), age: 1 }, octets });
      length += octets.length;
    }
    flush();
  }

  #refreshMore(now: number): void {
    const refresh = this.#refresh!;
    const end = Math.min(refresh.at + refresh.each, this.#octets.length);
    const places: number[] = [];
    for (; refresh.at < end; refresh.at++) {
      this.#renew(refresh.at, now);
      places.push(refresh.at);
    }
    this.#update(places);
    refresh.next += STEP;
    if (end < this.#octets.length) return;
    this.#refresh = undefined;
    this.#options.say({ event: "refreshed" });
  }

  #renew(place: number, now: number): void {
    const octets = this.#octets[place]!;
    const { sequence } = lsaHeaderAt(octets, 0);
    put32(octets, 12, (sequence + 1) >>> 0);
    put16(octets, CHECKSUM_AT, 0);
    put16(octets, CHECKSUM_AT, fletcher(octets, 2, octets.length, CHECKSUM_AT));
    this.#pending.set(place, { key: "", sequence: sequence + 1, at: now });
    this.#repeatAt = Math.min(this.#repeatAt, now + RETRANSMIT);
  }

  #heardAcknowledgment(header: LsaHeader): void {
    const place = this.#places.get(keyOf(header));
    if (place === undefined || this.#pending.get(place)?.sequence !== header.sequence) return;
    this.#counts.acknowledged++;
    this.#pending.delete(place);
  }

  /** What the router told: it has been heard. */
  #acknowledge(lsas: readonly Lsa[]): void {
    this.#send({ type: LINK_STATE_ACKNOWLEDGMENT, ...SENDER, headers: lsas.map(({ header }) => header) });
  }

  #repeat(now: number): void {
    this.#repeatAt = now + RETRANSMIT / 10;
    if (this.#lastDescription !== undefined) {
      this.#counts.repeated++;
      this.#send(this.#lastDescription);
      this.#repeatAt = now + RETRANSMIT;
    }
    const due = [...this.#pending].filter(([, { at }]) => at <= now - RETRANSMIT).slice(0, 1000);
    for (const [, pending] of due) pending.at = now;
    this.#counts.repeated += due.length;
    this.#update(due.map(([place]) => place));
  }

  #send(packet: OspfPacket): void {
    const { linkLocal, send } = this.#options;
    send(ALL_SPF_ROUTERS, writePacket(packet, linkLocal, ALL_SPF_ROUTERS));
  }
}

const SENDER = { routerId: SPEAKER_ID, areaId: 0, instanceId: 0 };
