/** OSPF's place in a router: it begins, changes and ends with the configuration, and BFD with it. */
import { formatPrefix } from "#base/address";
import type { Millis } from "#base/time";
import { NO_PORT } from "#fastpath/counters";
import { INJECT_REHEARSE } from "#fastpath/shared";
import { formatRouterId } from "#ospf/text";
import { BfdThread } from "#router/bfd/bfd-thread";
import type { NodeOspf } from "#router/config/model";
import type { Log } from "#router/log";
import { type Hop, HopSets } from "#router/ospf/hop-sets";
import { OspfHost } from "#router/ospf/ospf-host";
import { RECORDING_VERSION } from "#router/ospf/recording";
import { leaveRestartWord, takeRestartWord } from "#router/ospf/restart-word";
import { WarmUp } from "#router/ospf/warm-up";
import type { PortState, Ports } from "#router/ports";
import type { Rib } from "#router/rib";
import { ownFrame, type ServicesIo } from "#router/services-io";
import type { UplinkNeighbors } from "#router/uplink-neighbors";
import type { RecordingHeader } from "#runtime/recording/player";
import { Recorder } from "#runtime/recording/recorder";
import packageJson from "../../../package.json";

export interface RouterOspfOptions {
  /** Name of the node. */
  readonly name: string;
  readonly services: ServicesIo;
  readonly rib: Rib;
  readonly ports: Ports;
  readonly neighbors: UplinkNeighbors;
  readonly log: Log;
  /** Where a planned restart leaves word for the next run. */
  readonly restartFile: string;
  /** Does the static route to that prefix have a next hop that works, or does it discard? Undefined: there is none. */
  readonly isReachable: (prefix: string) => boolean | undefined;
  /** Next hops may be in use no more. */
  readonly hopsFreed: () => void;
}

export class RouterOspf {
  readonly sets: HopSets;
  private readonly options: RouterOspfOptions;
  private running: OspfHost | undefined;
  private thread: BfdThread | undefined;
  private recorder: Recorder | undefined;
  /** Once in the life of a process. */
  private warming: WarmUp | undefined;

  constructor(options: RouterOspfOptions) {
    this.options = options;
    const { ports, neighbors, services } = options;
    this.sets = new HopSets({
      groups: services.groups,
      adjacencyOf: ({ uplink, address }: Hop) => {
        const port = ports.find("uplink", uplink);
        return port && neighbors.adjacencyOf(port, address, this.running?.macOf(port, address));
      },
      isUsable: (hop, adjacency) => neighbors.isUsable(adjacency) && this.running?.isUsable(hop) !== false,
    });
  }

  /** Undefined: OSPF is off. */
  get host(): OspfHost | undefined {
    return this.running;
  }

  /** Undefined: OSPF was never on. */
  get warmUp(): WarmUp | undefined {
    return this.warming;
  }

  /** Undefined: it was not needed yet. */
  get bfd(): BfdThread | undefined {
    return this.thread;
  }

  /** Begins, goes on with other settings, or ends. Another router id is another beginning. */
  async configure(settings: NodeOspf | undefined): Promise<void> {
    const { running } = this;
    if (running !== undefined && settings?.config.routerId === running.configuration.config.routerId) {
      running.configure(settings);
      return;
    }
    if (running !== undefined) {
      await running.end("shutdown");
      running.withdraw();
      this.running = undefined;
    }
    if (settings === undefined) return;
    // Before the first hello: the start of a thread holds this one up, and would do so between adjacent and routing.
    // Should it fail, whoever needs the thread first tells why.
    if (settings.bfd.size > 0) await Promise.allSettled([this.startBfd()]);
    this.begin(settings);
  }

  opened(port: PortState): void {
    this.running?.opened(port);
  }

  closed(port: PortState): void {
    this.running?.closed(port);
  }

  /** A frame punted for this router. False: it is none of OSPF's. */
  take(port: PortState, octets: Uint8Array): boolean {
    const isTaken = this.running?.take(port, octets) ?? false;
    if (isTaken) this.warming?.stop(); // somebody is there: the real thing begins
    return isTaken;
  }

  /** A frame of the rehearsal's has come back. */
  rehearsed(octets: Uint8Array): void {
    this.warming?.take(octets);
  }

  hopsChanged(): void {
    this.running?.hopsChanged();
  }

  refreshHops(): void {
    this.running?.refreshHops();
  }

  checkClock(): void {
    this.running?.checkClock();
  }

  /** `restart`: neighbors are asked to wait for the next run of this router. */
  async stop(restart: boolean): Promise<void> {
    if (restart && this.running !== undefined) {
      const { routerId, gracefulRestart } = this.running.configuration.config;
      leaveRestartWord(this.options.restartFile, routerId, Date.now() + 1000 * gracefulRestart.period);
    }
    this.warming?.stop();
    await this.running?.end(restart ? "prepareRestart" : "shutdown");
    await this.thread?.stop();
    this.recorder?.close();
  }

  private async startBfd(): Promise<BfdThread> {
    this.thread ??= await BfdThread.start(this.options.log);
    return this.thread;
  }

  private begin(settings: NodeOspf): void {
    const { ports, neighbors, services, rib, log, isReachable, hopsFreed } = this.options;
    this.recorder ??= this.record(settings);
    const host = new OspfHost({
      ...{ settings, services, rib, log, hopsFreed, sets: this.sets },
      macOf: (port, address) => neighbors.macOf(port, address),
      isReachable: (prefix) => isReachable(formatPrefix(prefix)) ?? true,
      startBfd: () => this.startBfd(),
      recorder: this.recorder,
      restartingUntil: this.restartingUntil(settings),
    });
    this.running = host;
    log.info(`OSPF: router ${formatRouterId(settings.config.routerId)} begins`, "ospf");
    for (const port of ports.all.values()) {
      if (port.kind === "uplink" && port.trouble === undefined && neighbors.hasCarrier(port)) host.opened(port);
    }
    this.warming ??= new WarmUp({
      loop: (octets) => services.inject(ownFrame(NO_PORT, octets), octets, INJECT_REHEARSE),
      failed: (error) => log.error(`OSPF: defect in the warm-up: ${String(error)}`, "ospf-defect"),
    });
  }

  private record({ record }: NodeOspf): Recorder | undefined {
    if (record === undefined) return undefined;
    const { log, name } = this.options;
    try {
      const recorder = Recorder.create({
        ...record,
        ended: (why) => log.warn(`OSPF: the recording ends: ${why}`, "recording"),
      });
      const header: RecordingHeader = {
        recording: "ospf",
        version: RECORDING_VERSION,
        ain: packageJson.version,
        node: name,
        began: new Date().toISOString(),
      };
      recorder.write(header);
      log.info(`OSPF: recording to ${record.file}`, "recording");
      return recorder;
    } catch (error) {
      log.error(`OSPF: no recording: ${error instanceof Error ? error.message : String(error)}`, "recording");
      return undefined;
    }
  }

  /** `performance.now()` until which neighbors wait for us. */
  private restartingUntil({ config }: NodeOspf): Millis | undefined {
    const { routerId, gracefulRestart } = config;
    const left = takeRestartWord(this.options.restartFile, routerId, 1000 * gracefulRestart.period);
    return left === undefined ? undefined : performance.now() + left;
  }
}
