/**
 * OSPF at work on a router's uplinks: frames in and out, links that come and go, routes into the forwarding table,
 * neighbors watched by BFD. A core that fails is replaced by another while the forwarders go on with the routes they have.
 */
import { linkLocalFromMac } from "#base/address";
import type { Millis } from "#base/time";
import { CONTROL_IGNORED } from "#fastpath/verdicts";
import type { ExternalPrefix } from "#ospf/config";
import type { OspfEffect } from "#ospf/events";
import type { BfdChange } from "#router/bfd/bfd-session";
import type { NodeOspf } from "#router/config/model";
import type { Log } from "#router/log";
import { type BfdSessions, BfdWatch } from "#router/ospf/bfd-watch";
import { CoreRun } from "#router/ospf/core-run";
import { Failures } from "#router/ospf/failures";
import { framesOf, OspfReader } from "#router/ospf/frames";
import { type Hop, type HopSets, hopKey } from "#router/ospf/hop-sets";
import { MacTable } from "#router/ospf/mac-table";
import { RestingHops } from "#router/ospf/resting-hops";
import { RouteInstaller } from "#router/ospf/route-installer";
import type { PortState } from "#router/ports";
import type { Rib } from "#router/rib";
import { type ServicesIo, sendFrame } from "#router/services-io";
import type { Recorder } from "#runtime/recording/recorder";
import { Reassembly } from "#services/fragments";

/** Milliseconds that neighbors have to acknowledge our end. */
const PATIENCE: Millis = 1000;

export interface OspfHostOptions {
  readonly settings: NodeOspf;
  readonly services: ServicesIo;
  readonly rib: Rib;
  readonly sets: HopSets;
  readonly log: Log;
  /** From neighbor discovery, which is asked when it does not know yet. */
  readonly macOf: (port: PortState, address: Uint8Array) => Uint8Array | undefined;
  /** False: there is a static route to that prefix, and it leads nowhere just now. */
  readonly isReachable: (prefix: ExternalPrefix["prefix"]) => boolean;
  /** Next hops may be in use no more. */
  readonly hopsFreed: () => void;
  readonly startBfd: () => Promise<BfdSessions | undefined>;
  readonly recorder?: Recorder | undefined;
  /** `performance.now()` until which neighbors wait for us after a planned restart. */
  readonly restartingUntil?: Millis | undefined;
}

export class OspfHost {
  private readonly options: OspfHostOptions;
  private readonly reader = new OspfReader(new Reassembly());
  private readonly macs = new MacTable();
  private readonly installer: RouteInstaller;
  private readonly bfd: BfdWatch;
  private readonly failures = new Failures();
  /** Uplinks the core believes to be up. */
  private readonly up = new Map<string, PortState>();
  /** Next hops that BFD has lost, until they are watched anew. */
  private readonly lost = new Set<string>();
  private readonly resting = new RestingHops(() => this.refreshHops());
  private settings: NodeOspf;
  private current: CoreRun;
  private restart: Timer | undefined;
  private refreshing = false;
  /** The routes in the tables are an earlier core's, until this one's are told. */
  private stale = false;
  private identification = crypto.getRandomValues(new Int32Array(1))[0]!;
  private drained: (() => void) | undefined;
  private stopped = false;

  constructor(options: OspfHostOptions) {
    const { settings, rib, sets, services, log, macOf, isReachable, hopsFreed, startBfd } = options;
    const { recorder, restartingUntil } = options;
    // Properties in one order, whoever has made the options: what is compiled for the rehearsal's is right for the router's.
    this.options = {
      ...{ settings, services, rib, sets, log, macOf, isReachable, hopsFreed, startBfd, recorder, restartingUntil },
    };
    this.settings = settings;
    this.installer = new RouteInstaller({
      rib,
      sets,
      changed: () => services.changed(),
      settled: (freed) => {
        this.forgetLost();
        if (freed) hopsFreed();
      },
      full: (text) => log.error(`OSPF: ${text}`, "ospf"),
    });
    this.bfd = new BfdWatch({
      start: startBfd,
      changed: (uplink, change) => this.bfdChanged(uplink, change),
      warn: (text) => log.warn(text, "ospf"),
    });
    this.bfd.configure(settings.bfd);
    this.current = this.begin(options.restartingUntil);
  }

  /** For views. */
  get run(): CoreRun {
    return this.current;
  }

  get routes(): RouteInstaller {
    return this.installer;
  }

  get configuration(): NodeOspf {
    return this.settings;
  }

  /** Another router id is for the caller to see to: by another host. */
  configure(settings: NodeOspf): void {
    this.settings = settings;
    this.bfd.configure(settings.bfd);
    this.reconfigure();
  }

  /** An uplink carries packets now. */
  opened(port: PortState): void {
    this.up.set(port.name, port);
    for (const hop of this.options.sets.hops()) if (hop.uplink === port.name) this.lost.delete(hopKey(hop));
    this.resting.keep((key) => !key.startsWith(`${port.name} `));
    this.refreshHops();
    this.tellUp(this.current, port);
  }

  /** It carries none any more. */
  closed(port: PortState): void {
    if (this.up.get(port.name) !== port) return;
    this.up.delete(port.name);
    this.current.tell({ type: "interfaceDown", interface: port.name });
    this.bfd.closed(port);
    this.macs.forget(port.index);
  }

  /** A frame that was punted for this router. False: it is none of OSPF's. */
  take(port: PortState, octets: Uint8Array): boolean {
    const read = this.reader.read(octets, linkLocalFromMac(port.mac), performance.now());
    if (read === "other") return false;
    if (read === "refused" || this.up.get(port.name) !== port)
      this.options.services.lost(port.index, CONTROL_IGNORED, octets);
    else if (read !== "pending") {
      const { source, destination, octets: packet, mac } = read;
      this.macs.learn(port.index, source, mac);
      this.bfd.heard(port, source, mac);
      this.current.tell({ type: "packet", interface: port.name, source, destination, octets: packet });
    }
    return true;
  }

  /** Where the neighbor was heard from last; undefined: nowhere. */
  macOf(port: PortState, address: Uint8Array): Uint8Array | undefined {
    return this.macs.of(port.index, address);
  }

  /** False: nobody is to send there while there is another way. */
  isUsable(hop: Hop): boolean {
    const key = hopKey(hop);
    return !this.lost.has(key) && !this.resting.has(key);
  }

  /** Neighbor discovery, BFD or the ports have news of next hops. Soon, and once for all of it. */
  hopsChanged(): void {
    if (this.refreshing || this.stopped) return;
    this.refreshing = true;
    queueMicrotask(() => {
      this.refreshing = false;
      this.refreshHops();
      this.reconfigure();
    });
  }

  /** The same, now: before a port's adjacencies go. */
  refreshHops(): void {
    if (!this.stopped && this.options.sets.refresh()) this.options.services.changed();
  }

  checkClock(): void {
    this.current.checkClock();
  }

  /** "shutdown": our LSAs are taken back. "prepareRestart": neighbors are asked to wait. Resolves within a second. */
  async end(how: "shutdown" | "prepareRestart"): Promise<void> {
    if (this.stopped) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.drained = resolve;
    const tooLate = setTimeout(resolve, PATIENCE);
    clearTimeout(this.restart);
    this.current.tell({ type: how });
    await promise;
    clearTimeout(tooLate);
    this.halt();
  }

  /** Routes and all go from the tables: OSPF was switched off. */
  withdraw(): void {
    this.installer.replaceBy(new Map());
    this.installer.drain();
  }

  /** At once, without a word to anybody; routes stay where they are. */
  halt(): void {
    this.stopped = true;
    clearTimeout(this.restart);
    this.current.stop();
    this.bfd.unwatchAll();
    this.installer.stop();
    this.resting.keep(() => false);
  }

  private begin(restartingUntil: Millis | undefined): CoreRun {
    return new CoreRun({
      config: this.effectiveConfig(),
      ...(restartingUntil !== undefined && { restartingUntil }),
      recorder: this.options.recorder,
      carryOut: (effect) => this.carryOut(effect),
      failed: (error, events) => this.failed(error, events),
    });
  }

  private tellUp(run: CoreRun, port: PortState): void {
    run.tell({
      type: "interfaceUp",
      interface: port.name,
      interfaceId: port.interfaceIndex,
      linkLocal: linkLocalFromMac(port.mac),
      mtu: port.mtu,
    });
  }

  /** Static routes that lead nowhere just now are not told to others. */
  private effectiveConfig(): NodeOspf["config"] {
    const { config } = this.settings;
    const external = config.external.filter(
      ({ prefix }) => (prefix.length === 0 && this.settings.alwaysDefault) || this.options.isReachable(prefix),
    );
    return external.length === config.external.length ? config : { ...config, external };
  }

  private reconfigure(): void {
    const wanted = this.effectiveConfig();
    if (!Bun.deepEquals(wanted, this.current.core.instance.config))
      this.current.tell({ type: "configure", config: wanted });
  }

  private carryOut(effect: OspfEffect): void {
    switch (effect.type) {
      case "send":
        this.send(effect);
        return;
      case "routes":
        if (this.stale) this.installer.replaceBy(this.current.core.instance.table.routes);
        this.stale = false;
        this.installer.take(effect.changed, effect.removed);
        return;
      case "bfd":
        this.watch(effect);
        return;
      case "help":
        this.resting.helped(hopKey({ uplink: effect.interface, address: effect.address }), effect.helping);
        return;
      case "notice":
        this.options.log[effect.level](`OSPF: ${effect.text}`, "ospf");
        return;
      case "drained":
        this.drained?.();
    }
  }

  private send(effect: Extract<OspfEffect, { type: "send" }>): void {
    const port = this.up.get(effect.interface);
    if (port === undefined) return; // it went down in this very turn
    const isGroup = effect.destination[0] === 0xff;
    const to = isGroup ? undefined : this.macTowards(port, effect.destination);
    if (!isGroup && to === undefined) return; // it is asked for; OSPF says again what is not acknowledged
    this.identification = (this.identification + 1) | 0;
    const wire = { mac: port.mac, to, mtu: port.mtu, identification: this.identification };
    for (const frame of framesOf(effect, wire)) sendFrame(this.options.services, port.index, frame);
  }

  private macTowards(port: PortState, address: Uint8Array): Uint8Array | undefined {
    return this.macs.of(port.index, address) ?? this.options.macOf(port, address);
  }

  private watch({ interface: name, address, wanted }: Extract<OspfEffect, { type: "bfd" }>): void {
    const port = this.up.get(name);
    if (port === undefined) return;
    const mac = this.macs.of(port.index, address);
    this.resting.bfd(hopKey({ uplink: name, address }), "watched");
    if (!wanted || mac === undefined) {
      this.bfd.unwatch(port, address);
      return;
    }
    if (this.lost.delete(hopKey({ uplink: name, address }))) this.refreshHops();
    this.bfd.watch(port, address, mac);
  }

  /** The other ways are taken at once, before OSPF has computed what the loss means. */
  private bfdChanged(uplink: string, { remote, up, administrative, reason }: BfdChange): void {
    const key = hopKey({ uplink, address: remote });
    this.resting.bfd(key, administrative ? "silent" : "watched");
    if (administrative) return; // says nothing of the path (RFC 5882 §4.2)
    if (up) this.lost.delete(key);
    else this.lost.add(key);
    this.refreshHops();
    if (!up) this.options.log.warn(`OSPF: neighbor ${key} is lost by BFD: ${reason}`, "bfd");
    this.current.tell({ type: "bfd", interface: uplink, address: remote, up });
  }

  private forgetLost(): void {
    const used = new Set([...this.options.sets.hops()].map(hopKey));
    for (const key of this.lost) if (!used.has(key)) this.lost.delete(key);
    this.resting.keep((key) => used.has(key));
  }

  /** The forwarders keep the routes they have while the next core asks the neighbors to bear with us (RFC 3623 §5). */
  private failed(error: unknown, events: readonly string[]): void {
    const { log } = this.options;
    log.error(
      `OSPF: defect: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      "ospf-defect",
    );
    for (const event of events) log.error(`OSPF: before it failed: ${event}`, "ospf-defect");
    if (this.drained !== undefined) {
      this.drained();
      return;
    }
    const { delay, isFirst } = this.failures.note(performance.now());
    log.error(`OSPF: begins anew in ${delay} ms${isFirst ? ", gracefully" : ""}`, "ospf-defect");
    this.restart = setTimeout(() => this.beginAnew(isFirst), delay);
  }

  private beginAnew(gracefully: boolean): void {
    this.stale = gracefully;
    if (!gracefully) this.installer.replaceBy(new Map());
    this.resting.keep(() => false); // whom the one before helped this one does not know
    const until = performance.now() + 1000 * this.settings.config.gracefulRestart.period;
    try {
      this.current = this.begin(gracefully ? until : undefined);
    } catch (error) {
      this.failed(error, []);
      return;
    }
    for (const port of this.up.values()) this.tellUp(this.current, port);
  }
}
