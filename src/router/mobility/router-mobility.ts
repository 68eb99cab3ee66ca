/** Mobility's place in a router: its tables, its core and the flight recorder, between VMs, ports and other hypervisors. */
import { toHex } from "#base/bytes";
import type { Millis } from "#base/time";
import { INJECT_ORIGINATE } from "#fastpath/shared";
import { createBindingTable } from "#fastpath/tables/bindings";
import { connectionTicks, TICKS_PER_SECOND } from "#fastpath/tables/connection-states";
import { createTunnelTable, Tunnels } from "#fastpath/tables/tunnels";
import { CONTROL_IGNORED } from "#fastpath/verdicts";
import { Mobility } from "#pmip/core";
import type { RouterBroadcast } from "#router/broadcast/router-broadcast";
import type { Configuration, Vm } from "#router/config/model";
import type { Log } from "#router/log";
import { Claims } from "#router/mobility/claims";
import { FlightLog } from "#router/mobility/flight-log";
import type { FlightCounts } from "#router/mobility/flights";
import { frameOf, type MobilityDatagram, readFrame } from "#router/mobility/frames";
import { anchorAddresses, hostedConfig } from "#router/mobility/hosted-config";
import { MobilityHost } from "#router/mobility/mobility-host";
import { PathMtus } from "#router/mobility/path-mtu";
import { Places } from "#router/mobility/places";
import { RECORDING_VERSION } from "#router/mobility/recording";
import { countRestart } from "#router/mobility/restart-counter";
import { subjectsOf } from "#router/mobility/subjects";
import { PARTS, TableLook } from "#router/mobility/table-look";
import { readTunnelError } from "#router/mobility/tunnel-errors";
import { UnixClock } from "#router/mobility/unix-clock";
import type { PortState, Ports } from "#router/ports";
import { ownFrame, type ServicesIo } from "#router/services-io";
import type { VmObserver, VmRegistry } from "#router/vms/events";
import type { RecordingHeader } from "#runtime/recording/player";
import { Recorder } from "#runtime/recording/recorder";
import { monotonicNanos } from "#sys/clock";
import packageJson from "../../../package.json";

/** Milliseconds between looks at parts of the binding table, and at what else needs one. */
const LOOK = 1000 / PARTS;
const CHORES = 1000;

export interface RouterMobilityOptions {
  readonly configuration: Configuration;
  readonly services: ServicesIo;
  readonly ports: Ports;
  readonly log: Log;
  /** What is to outlast the process is in files that begin so. */
  readonly files: string;
  /** Of the VM's port and its held frames, and of frames that ended here for want of a VM: since the router's start. */
  readonly countsOf: (vm: string) => Omit<FlightCounts, "stragglers">;
  /** As VmRegistry's. */
  readonly released: VmRegistry["released"];
  /** As RouterBroadcast's. */
  readonly segments: Pick<RouterBroadcast, "heard" | "coreReplaced">;
}

export class RouterMobility implements VmObserver {
  readonly bindings: SharedArrayBuffer;
  readonly tunnels: SharedArrayBuffer = createTunnelTable();
  readonly places: Places;
  readonly pathMtus: PathMtus;
  readonly flights: FlightLog;
  readonly clock = new UnixClock();
  readonly #options: RouterMobilityOptions;
  readonly #look: TableLook;
  readonly #claims: Claims;
  #configuration: Configuration;
  #host: MobilityHost<Mobility> | undefined;
  #recorder: Recorder | undefined;
  #timers: readonly Timer[] = [];

  constructor(options: RouterMobilityOptions) {
    const { configuration, services, log, files } = options;
    this.#options = options;
    this.#configuration = configuration;
    const { bindings: entries } = configuration.fabric.mobility;
    const key = crypto.getRandomValues(new Int32Array(2));
    // What this router is the home of, and as many that its VMs ask for.
    this.bindings = createBindingTable({ entries: Math.min(2 * entries, MOST_ENTRIES), key });
    const tunnels = new Tunnels(this.tunnels);
    this.places = new Places({
      buffer: this.bindings,
      tunnels,
      warn: (text) => log.warn(`mobility: ${text}`, "mobility"),
    });
    this.pathMtus = new PathMtus(tunnels, () => services.changed());
    this.#look = new TableLook(this.places);
    this.#claims = new Claims(`${files}.claims`);
    this.flights = new FlightLog({
      router: configuration.node.name,
      fabric: () => this.#configuration.fabric,
      now: () => this.clock.now(),
      countsOf: (vm) => this.#countsOf(vm),
    });
  }

  /** Undefined: this is a switch, or nothing has begun yet. */
  get host(): MobilityHost<Mobility> | undefined {
    return this.#host;
  }

  get configuration(): Configuration {
    return this.#configuration;
  }

  /** Before the first VM is active. */
  begin(): void {
    const { node } = this.#configuration;
    if (node.role === "switch") return;
    const { log, files } = this.#options;
    this.#recorder = this.#record();
    this.#host = new MobilityHost<Mobility>({
      begin: (config, now) => new Mobility(config, now),
      ...{ log, config: hostedConfig(this.#configuration), places: this.places, clock: this.clock },
      recorder: this.#recorder,
      countRestart: () => countRestart(`${files}.restarts`, Date.now()),
      send: (datagram) => this.#send(datagram),
      released: (vm) => this.#released(vm),
      claimed: (vm, claim) => this.#claims.set(vm, claim),
      noted: (note, vm, at) => this.flights.noted(note, vm, at),
      moved: (change, at) => this.flights.moved(change, this.#host?.vmOf(change.to.subject), at),
      members: (segment, members) => this.#options.segments.heard(segment, members),
      replaced: () => this.#options.segments.coreReplaced(),
    });
    this.#timers = [setInterval(() => this.#lookAtTable(), LOOK), setInterval(() => this.#doChores(), CHORES)];
  }

  /** After every change: most are of VMs, and mean nothing here. */
  configure(configuration: Configuration): void {
    const before = this.#configuration;
    this.#configuration = configuration;
    const isSame = configuration.fabric === before.fabric && configuration.node.homes === before.node.homes;
    if (!isSame) this.#host?.configure(hostedConfig(configuration));
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#host?.stop();
    this.flights.stop();
    this.#claims.flush();
    this.#recorder?.close();
  }

  // ---- what the router tells ----

  onState: NonNullable<VmObserver["onState"]> = (change) => {
    this.flights.state(change);
    // It may be bound elsewhere by now: its home is asked.
    if (change.from === "held" && change.to === "active") this.#attach(change.vm, { isKnown: true });
  };

  onActive: NonNullable<VmObserver["onActive"]> = (vm, how, after) =>
    this.#attach(vm, { isKnown: how === "start", handoff: how === "handoff", after });

  /** Since when it is attached here; undefined: it is not. */
  claimOf(vm: string): Millis | undefined {
    return this.#claims.of(vm);
  }

  onGone: NonNullable<VmObserver["onGone"]> = (vm) => this.#host?.detached(vm.name);

  /** A frame that was punted for this router itself. False: it is none of mobility's. */
  take(port: PortState, octets: Uint8Array): boolean {
    const read = readFrame(octets);
    if (read === "other") return this.#takeError(octets);
    if (read === "refused" || this.#host === undefined || !this.#isOwn(read.destination)) {
      this.#host?.count("refused: not a message to this router alone");
      this.#options.services.lost(port.index, CONTROL_IGNORED, octets);
    } else {
      this.#host.received(read);
    }
    return true;
  }

  /** True: the IPv4 address is that of a VM of the network which is known to be at another hypervisor. */
  isElsewhere(tags: number, ipv4: Uint8Array): boolean {
    return typeof this.places.of({ tags, address: MAPPED + toHex(ipv4) })?.place === "object";
  }

  /** A forwarder made an entry of which nothing is known. */
  wanted(entry: number): void {
    const version = this.places.versionAt(entry);
    const subject = version < 0 ? undefined : this.places.subjectAt(entry);
    if (subject === undefined || this.places.of(subject) !== undefined) return;
    if (this.#look.isNew(entry, version)) this.#host?.wanted(subject);
  }

  // ---- within ----

  #attach(vm: Vm, { isKnown, handoff = false, after }: Arrival): void {
    const claim = isKnown ? this.#claims.of(vm.name) : undefined;
    this.#host?.attached({
      ...{ type: "attached", vm: vm.name, subjects: subjectsOf(vm), handoff },
      ...(claim !== undefined && { claim }),
      ...(after !== undefined && { after }),
      ...(vm.mac !== undefined && { linkLayer: toHex(vm.mac.bytes) }),
    });
  }

  #isOwn = (address: string): boolean =>
    address === toHex(this.#configuration.node.address.bytes) ||
    anchorAddresses(this.#configuration).some((anchor) => toHex(anchor) === address);

  #takeError(octets: Uint8Array): boolean {
    const error = readTunnelError(octets, this.#configuration.node.address.bytes);
    return error !== undefined && this.pathMtus.heard(error, this.clock.now());
  }

  #send(datagram: MobilityDatagram): boolean {
    if (this.#isOwn(datagram.destination)) {
      queueMicrotask(() => this.#host?.received(datagram)); // another home of our own
      return true;
    }
    const port = [...this.#options.ports.all.values()].find(
      ({ kind, trouble }) => kind === "uplink" && trouble === undefined,
    );
    if (port === undefined) return false;
    const frame = frameOf(datagram);
    return this.#options.services.inject(ownFrame(port.index, frame), frame, INJECT_ORIGINATE);
  }

  #released(vm: string): void {
    this.#options.released(vm).catch((error: unknown) => {
      this.#options.log.error(
        `mobility: VM ${vm} is elsewhere, and could not be released: ${String(error)}`,
        "mobility",
        { vm },
      );
    });
  }

  #doChores(): void {
    const now = this.clock.now();
    this.#host?.checkClock();
    this.places.sweep(now);
    this.pathMtus.sweep(now);
  }

  #lookAtTable(): void {
    const idle = (this.#configuration.fabric.mobility.idle / 1000) * TICKS_PER_SECOND;
    const { wanted, used } = this.#look.look(connectionTicks(monotonicNanos()), idle);
    for (const subject of wanted) this.#host?.wanted(subject);
    this.#host?.used(used);
  }

  /** What was held goes the way of stragglers, and is counted there as well. */
  #countsOf(vm: string): FlightCounts {
    const counts = this.#options.countsOf(vm);
    const passedOn = this.places.formerPackets((subject) => this.#host?.vmOf(subject) === vm);
    return { ...counts, stragglers: Math.max(0, passedOn - counts.reinjected) };
  }

  #record(): Recorder | undefined {
    const { node } = this.#configuration;
    const record = node.mobility?.record;
    if (record === undefined) return undefined;
    const { log } = this.#options;
    try {
      const recorder = Recorder.create({
        ...record,
        ended: (why) => log.warn(`mobility: the recording ends: ${why}`, "recording"),
      });
      const header: RecordingHeader = {
        recording: "mobility",
        version: RECORDING_VERSION,
        ain: packageJson.version,
        node: node.name,
        began: new Date().toISOString(),
      };
      recorder.write(header);
      log.info(`mobility: recording to ${record.file}`, "recording");
      return recorder;
    } catch (error) {
      log.error(`mobility: no recording: ${error instanceof Error ? error.message : String(error)}`, "recording");
      return undefined;
    }
  }
}

/** How a VM comes to be active. */
interface Arrival {
  /** It was here before, with the claim that it has. */
  readonly isKnown: boolean;
  readonly handoff?: boolean;
  /** As `onActive`'s. */
  readonly after?: Millis | undefined;
}

/** ::ffff:0:0/96 */
const MAPPED = "00000000000000000000ffff";

/** What a table may have at most. */
const MOST_ENTRIES = 1 << 22;
