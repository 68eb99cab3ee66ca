/** One router: what `ain run` starts, `ain reload` changes and `ain show` looks at. */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { buildSnapshot } from "#fastpath/tables/snapshot";
import { INJECT_FULL } from "#fastpath/verdicts";
import { Alarms } from "#router/alarms";
import { RouterBroadcast, type RouterBroadcastOptions } from "#router/broadcast/router-broadcast";
import { WayTo } from "#router/broadcast/way-to";
import type { Configuration, Node, RecordSettings } from "#router/config/model";
import { loadNode } from "#router/config/node";
import { type Change, describeChange, planChange, planVmChange } from "#router/config/plan";
import { RouterConnections } from "#router/connections";
import { RouterDrops } from "#router/drops/router-drops";
import { RouterFlows } from "#router/flows/router-flows";
import { Forwarders, type Punt } from "#router/forwarders";
import { InterfaceClaims } from "#router/interface-claims";
import { LocalDelivery } from "#router/local-delivery";
import type { Log } from "#router/log";
import { MetadataService, serviceAddress } from "#router/metadata/metadata-service";
import { FlightCounter } from "#router/mobility/flight-counts";
import { RouterMobility } from "#router/mobility/router-mobility";
import { RouterNat } from "#router/nat";
import { RouterOspf } from "#router/ospf/router-ospf";
import { showOspf } from "#router/ospf/show-host";
import { type Family, OutsideSide } from "#router/outside-side";
import { PortCounters } from "#router/port-counters";
import { portKeepers } from "#router/port-keepers";
import { type PortKeeper, PortLife } from "#router/port-life";
import { type PortState, Ports } from "#router/ports";
import { Punts } from "#router/punts";
import { Reconfiguration } from "#router/reconfiguration";
import { Rib } from "#router/rib";
import { RouterError } from "#router/router-error";
import { Routing } from "#router/routing";
import { Rules } from "#router/rules";
import type { ServicesIo } from "#router/services-io";
import { StaticRoutes } from "#router/static-routes";
import { tablesPlan } from "#router/tables-plan";
import { UndoLog } from "#router/undo";
import { UplinkNeighbors } from "#router/uplink-neighbors";
import type { RouteView } from "#router/views";
import { VmDhcp } from "#router/vm-dhcp";
import { VmDhcp6 } from "#router/vm-dhcp6";
import { VmNeighbors } from "#router/vm-neighbors";
import { Arrivals } from "#router/vms/arrivals";
import { Vms, type VmsOptions, type VmsPlan } from "#router/vms/registry";
import { RouterWatch } from "#router/watch/router-watch";
import { RouterWhy } from "#router/why/router-why";
import { formatConfigError } from "#runtime/document/config-error";
import { lockFile } from "#sys/descriptor";
import { Arena } from "#sys/memory";
import { Rtnetlink } from "#sys/rtnetlink";

/** Milliseconds between attempts to open ports that are not there. */
const RETRY = 500;
/** Milliseconds between looks at the kernel's link notices. */
const LOOK = 50;

export interface RouterOptions {
  /** Node file; read again on reload. */
  readonly file: string;
  readonly configuration: Configuration;
  readonly log: Log;
  /** In place of what the file says of recording OSPF. */
  readonly record?: RecordSettings | undefined;
}

export class Router {
  readonly startedAt = Date.now();
  readonly ports: Ports;
  readonly vmNeighbors: VmNeighbors;
  readonly vmDhcp: VmDhcp;
  readonly vmDhcp6: VmDhcp6;
  readonly rules = new Rules();
  readonly connections: RouterConnections;
  private readonly alarms: Alarms;
  private readonly metadata: MetadataService;
  readonly uplinkNeighbors: UplinkNeighbors;
  readonly outside: OutsideSide;
  /** Undefined: this is no gateway, or one without NAT addresses. */
  readonly nat: RouterNat | undefined;
  readonly counters = new PortCounters(() => this.forwarders.blocks);
  readonly drops: RouterDrops;
  readonly flows: RouterFlows;
  /** Set once the threads run; nothing is punted before. */
  forwarders!: Forwarders;
  configuration: Configuration;
  readonly file: string;
  private readonly log: Log;
  private readonly arena = Arena.map();
  private readonly turns: SharedArrayBuffer;
  readonly routing: Routing;
  private readonly rib: Rib;
  private readonly staticRoutes: StaticRoutes;
  readonly ospf: RouterOspf;
  private readonly claims: InterfaceClaims;
  private readonly undo: UndoLog;
  private readonly local: LocalDelivery;
  readonly vms: Vms;
  readonly mobility: RouterMobility;
  readonly broadcast: RouterBroadcast;
  private readonly arrivals: Arrivals;
  private readonly punts: Punts;
  private readonly portLife: PortLife;
  private readonly reconfiguration: Reconfiguration;
  readonly why: RouterWhy = new RouterWhy(this);
  readonly watch: RouterWatch = new RouterWatch(this, (text) => this.log.error(`trace: ${text}`, "defect"));
  private timer: Timer | undefined;
  private lookout: Timer | undefined;
  private readonly record: RecordSettings | undefined;
  /** Changes are made one after another. */
  private busy: Promise<unknown> = Promise.resolve();
  private stopping = false;
  private stopped = false;
  private readonly ending = Promise.withResolvers<string>();
  /** Resolves with the reason when the router cannot go on. */
  readonly ended = this.ending.promise;

  /** Starts everything. Throws Error with a message for the operator; nothing is left behind then. */
  static async start(options: RouterOptions): Promise<Router> {
    const router = new Router(options);
    try {
      await router.begin();
      return router;
    } catch (error) {
      await router.stop();
      throw error;
    }
  }

  private constructor({ file, configuration, log, record }: RouterOptions) {
    const { node, fabric } = configuration;
    this.file = file;
    this.configuration = configuration;
    this.log = log;
    this.record = record;
    const directory = dirname(node.socket);
    mkdirSync(directory, { recursive: true });
    if (lockFile(`${directory}/${node.name}.lock`) === undefined)
      throw new RouterError(`router ${node.name} runs already (${directory}/${node.name}.lock is held)`);
    this.claims = new InterfaceClaims(node.name);
    this.undo = new UndoLog(`${directory}/${node.name}.undo`, (name) => this.isOthers(name));
    this.turns = new SharedArrayBuffer(4 * node.forwarders);
    this.routing = new Routing(Bun.hash.xxHash32(node.address.bytes) | 0, new Int32Array(this.turns));
    this.ports = new Ports({
      arena: this.arena,
      forwarders: node.forwarders,
      gatewayMac: fabric.gatewayMac.bytes,
      serviceAddress: serviceAddress(node.address.bytes),
      fabricMtu: fabric.mtu,
      undo: this.undo,
      claims: this.claims,
    });
    const services = {
      groups: this.routing.groups,
      changed: () => this.forwarders.tablesChanged(),
      inject: (frame: Punt["frame"], octets: Uint8Array, tag: number) => this.inject(frame, octets, tag),
      lost: (port: number, ending: number, octets?: Uint8Array) => this.drops.lost(port, ending, octets),
    };
    const { ports, counters } = this;
    this.drops = new RouterDrops({ ports, counters, fabric: () => this.configuration.fabric });
    this.alarms = new Alarms(this.counters, log);
    this.connections = new RouterConnections(node.connections);
    this.flows = new RouterFlows({
      ...{ node: node.name, entries: this.connections.entries, ports, rules: this.rules },
      file: {
        file: `${directory}/${node.name}.flows.jsonl`,
        ...node.flowLog,
        trouble: (why) => log.error(`flow log: ${why}`, "flow-log"),
      },
      fabric: () => this.configuration.fabric,
    });
    this.vmNeighbors = new VmNeighbors(services, fabric.gatewayMac.bytes);
    this.vmDhcp = new VmDhcp(services, this.ports, log);
    this.vmDhcp6 = new VmDhcp6(services, this.ports, log);
    this.metadata = new MetadataService(services, log, node.address.bytes, fabric.gatewayMac.bytes);
    this.uplinkNeighbors = new UplinkNeighbors(services, node.address.bytes, () => this.hopsChanged());
    this.local = new LocalDelivery(services, node.address.bytes);
    this.rib = new Rib(this.routing);
    this.outside = new OutsideSide(services, {
      ...{ rib: this.rib, log },
      changed: (family, isUp) => this.outsideChanged(family, isUp),
    });
    this.nat = node.outside === undefined || node.outside.pool.length === 0 ? undefined : new RouterNat(node.outside);
    this.vms = new Vms(this.vmsOptions(`${directory}/${node.name}.vms`), configuration);
    this.arrivals = new Arrivals({
      ...{ vms: this.vms, vmNeighbors: this.vmNeighbors, io: services, log },
      drain: () => this.forwarders.drain(),
    });
    this.configuration = this.vms.configuration;
    const flights = new FlightCounter(this);
    this.mobility = new RouterMobility({
      ...{ configuration: this.configuration, services, ports: this.ports, log, files: `${directory}/${node.name}` },
      countsOf: (vm) => flights.of(vm, performance.now()),
      released: (vm) => this.vms.released(vm),
      segments: {
        heard: (segment, members) => this.broadcast.heard(segment, members),
        coreReplaced: () => this.broadcast.coreReplaced(),
      },
    });
    this.vms.observe(this.mobility);
    this.broadcast = new RouterBroadcast(this.broadcastOptions(services));
    this.vmNeighbors.isElsewhere = (network, address) => this.mobility.isElsewhere(network.tags, address);
    this.staticRoutes = new StaticRoutes(this.rib, this.ports, this.uplinkNeighbors);
    this.ospf = new RouterOspf({
      ...{ name: node.name, services, rib: this.rib, ports: this.ports, neighbors: this.uplinkNeighbors, log },
      restartFile: `${directory}/${node.name}.restart`,
      isReachable: (prefix) => this.staticRoutes.isReachable(prefix),
      hopsFreed: () => this.forgetHops(),
    });
    this.punts = new Punts({
      ...{ ports: this.ports, vmNeighbors: this.vmNeighbors, vmDhcp: this.vmDhcp, vmDhcp6: this.vmDhcp6 },
      ...{ uplinkNeighbors: this.uplinkNeighbors, outside: this.outside, ospf: this.ospf, mobility: this.mobility },
      broadcast: this.broadcast,
      ...{ vms: this.vms, arrivals: this.arrivals, local: this.local, io: services, log },
      ...{ drops: this.drops, flows: this.flows },
      describe: (punt) => this.rules.describe(punt, this.configuration.fabric),
    });
    this.portLife = new PortLife({
      ...{ ports: this.ports, counters: this.counters, log, keepers: this.keepers() },
      forwarders: () => this.forwarders,
      adopt: () => this.adopt(),
    });
    this.reconfiguration = new Reconfiguration({
      ...{ ports: this.ports, portLife: this.portLife, rib: this.rib, staticRoutes: this.staticRoutes },
      ...{ outside: this.outside, ospf: this.ospf },
      take: (taken) => {
        this.configuration = taken;
        this.mobility.configure(taken);
      },
      forgetHops: () => this.forgetHops(),
      adopt: () => this.adopt(),
    });
  }

  /** Reads the files again; undefined: they are right, and `changes` is what applying them would do. */
  plan(): { vms: VmsPlan; changes: Change[] } | { errors: string[] } {
    const result = loadNode(this.file);
    if (!result.ok) return { errors: result.errors.map(formatConfigError) };
    const { socket } = this.configuration.node; // may have been given on the command line
    const node = withRecord({ ...result.node, socket }, this.record);
    const vms = this.vms.plan({ node, fabric: result.fabric });
    const { configuration } = vms;
    const changes = planChange(this.configuration, configuration);
    const unfit = [...vms.errors, ...this.vms.refusals(changes)];
    if (unfit.length > 0) return { errors: unfit };
    const refused = changes.filter((change) => change.what === "setting" && change.restart !== undefined);
    if (refused.length > 0) return { errors: refused.map(describeChange) };
    const trouble = changes.length === 0 ? undefined : this.rules.check(configuration);
    if (trouble !== undefined) return { errors: [trouble] };
    return { vms, changes };
  }

  /** Plans, then applies; what did not change loses no packet. */
  reload(): Promise<{ changes: string[] } | { changes: string[]; errors: string[] }> {
    return this.oneAtATime(async () => {
      const plan = this.plan();
      if ("errors" in plan) return { changes: [], errors: plan.errors };
      await this.reconfiguration.apply(this.configuration, plan.vms.configuration, plan.changes);
      this.vms.took(plan.vms);
      for (const change of plan.changes) this.log.info(describeChange(change), "change");
      return { changes: plan.changes.map(describeChange) };
    });
  }

  /** Its own prefixes, the configured routes, then those of OSPF that are in force. */
  routes(): RouteView[] {
    const { node, fabric } = this.configuration;
    const local = node.homes.map((home) => ({
      prefix: fabric.homes[home]!.prefix.text,
      origin: "local",
      nextHops: [],
    }));
    const outside = this.outside.view(this.configuration);
    return [
      ...local,
      ...outside,
      ...this.staticRoutes.view(),
      ...(this.ospf.host?.routes.view(this.uplinkNeighbors) ?? []),
    ];
  }

  /** Of the route that packets to just this prefix take: as {@link routes} says it. */
  routeOrigin(prefix: string): string {
    return this.rib.winner(prefix) ?? "outside";
  }

  /** Throws RouterError when there is no such view. */
  showOspf(words: readonly string[]): unknown {
    return showOspf(this.ospf, this.rib, words);
  }

  /**
   * Ends the threads, closes the ports, puts the machine's settings back. May be called twice.
   * @param restart neighbors are asked to keep their routes through this router until it runs again.
   */
  async stop(restart = false): Promise<void> {
    if (this.stopping) return;
    this.stopping = true;
    clearInterval(this.timer);
    clearInterval(this.lookout);
    if (this.forwarders !== undefined) await this.watch.stop();
    if (this.forwarders !== undefined) await this.ospf.stop(restart); // its farewell goes out by the ports
    this.stopped = true;
    this.flows.stop();
    this.vms.stop();
    this.mobility.stop();
    this.broadcast.stop();
    this.vmNeighbors.stop();
    this.vmDhcp.stop();
    this.vmDhcp6.stop();
    this.uplinkNeighbors.stop();
    this.outside.stop();
    await this.metadata.stop();
    if (this.forwarders !== undefined) await this.forwarders.stop();
    this.portLife.end();
    this.ports.close();
    this.undo.undoAll();
    this.claims.releaseAll();
  }

  /** True for an interface that another router has taken since this one was killed. */
  private isOthers(name: string): boolean {
    const netlink = new Rtnetlink();
    try {
      const link = netlink.link(name);
      return link !== undefined && this.claims.isTaken(link);
    } finally {
      netlink.close();
    }
  }

  private async begin(): Promise<void> {
    const { node } = this.configuration;
    this.forwarders = await Forwarders.start(
      this.arena,
      {
        count: node.forwarders,
        cacheEntries: node.flowCacheEntries,
        turns: this.turns,
        fib: this.routing.fib.buffer,
        groups: this.routing.groups.buffer,
        connections: this.connections.buffer,
        fragments: this.connections.fragments,
        bindings: this.mobility.bindings,
        tunnels: this.mobility.tunnels,
        nat: this.nat?.buffers,
      },
      {
        punted: (punt) => {
          if (!this.stopped) this.punts.take(punt);
        },
        portFailed: (index, errno) => void this.oneAtATime(() => this.portLife.failed(index, errno)),
        defect: (text) => this.log.error(`defect: ${text}`, "defect"),
        died: (reason) => {
          this.log.error(reason, "fatal");
          process.exitCode = 1;
          this.ending.resolve(reason);
        },
      },
    );
    await this.reconfiguration.begin(this.configuration);
    for (const port of this.ports.all.values()) await this.portLife.open(port);
    this.mobility.begin();
    this.broadcast.begin();
    this.vms.started();
    this.timer = setInterval(() => void this.oneAtATime(() => this.retry()), RETRY);
    this.lookout = setInterval(() => void this.oneAtATime(() => this.portLife.look()), LOOK);
  }

  private vmsOptions(file: string): VmsOptions {
    return {
      ...{ file, log: this.log, ports: this.ports },
      frames: {
        inject: (frame, octets, tag) => this.forwarders.inject(frame, octets, tag),
        lost: (port, ending, octets) => this.drops.lost(port, ending, octets),
      },
      inTurn: (act) => this.oneAtATime(act),
      become: (after) => this.reconfiguration.apply(this.configuration, after, planVmChange(this.configuration, after)),
      adopt: (before) => this.adopt(before),
      arrived: (port) => {
        this.vmNeighbors.opened(port);
        this.vmNeighbors.refresh(this.configuration, this.ports);
      },
      check: (configuration) => this.rules.check(configuration),
      drain: () => this.forwarders.drain(),
    };
  }

  private broadcastOptions(io: ServicesIo): RouterBroadcastOptions {
    const way = new WayTo(this.routing, this.uplinkNeighbors);
    return {
      ...{ configuration: this.configuration, io, ports: this.ports },
      hasCarrier: (port) => this.uplinkNeighbors.hasCarrier(port),
      stateOf: (vm) => this.vms.stateOf(vm),
      portTo: (address) => way.portTo(address),
      tell: (segment, groups) => this.mobility.host?.segment(segment, groups),
      adopt: (tables) => {
        this.forwarders.adoptSegments(tables).catch((error: unknown) => {
          if (!this.stopped) this.log.error(`segments: ${String(error)}`, "defect");
        });
      },
    };
  }

  private keepers(): Record<PortState["kind"], PortKeeper> {
    const { vmNeighbors, uplinkNeighbors, outside, metadata, ospf, ports, log } = this;
    return portKeepers({
      ...{ vmNeighbors, uplinkNeighbors, outside, metadata, ospf, ports, log },
      configuration: () => this.configuration,
      settle: () => this.forwarders.settle(),
      isExpected: ({ name }) => this.vms.stateOf(name) === "prepared",
      isLeft: ({ name }) => !this.vms.isMoving(name),
    });
  }

  /** Opens what has come back, and sees to what is looked at now and then. */
  private async retry(): Promise<void> {
    this.uplinkNeighbors.noteUse();
    this.flows.look(); // before what has expired goes
    this.connections.sweep();
    this.nat?.look(this.log, this.configuration.fabric);
    this.alarms.look(this.ports.all.values(), performance.now());
    await this.lookAtDrops();
    this.ospf.checkClock();
    await this.portLife.retry();
  }

  private async lookAtDrops(): Promise<void> {
    if (!this.drops.isDue(performance.now())) return;
    await this.forwarders.tellLosses();
    this.drops.look(performance.now());
  }

  /** `before`: as Forwarders'. */
  private adopt(before?: () => void): Promise<void> {
    this.vmDhcp.refresh(this.configuration);
    this.vmDhcp6.refresh(this.configuration);
    this.vmNeighbors.refresh(this.configuration, this.ports);
    this.metadata.refresh(this.configuration);
    this.broadcast.refresh(this.configuration);
    this.ports.groups.refresh(this.configuration);
    this.connections.setQuota(this.configuration.node.connections.perVm);
    const rules = this.rules.plan(this.configuration);
    const plan = tablesPlan(this.configuration, this.ports, this.vmNeighbors, {
      serviceGroup: this.metadata.group,
      rules,
      gateway: this.outside.tables(this.configuration),
      stateOf: (vm) => this.vms.stateOf(vm),
      segments: this.broadcast.tables(),
    });
    return this.forwarders.adopt(buildSnapshot(plan), before);
  }

  /** A next hop failed or came back: routes with several take the others. Not before the present change is made. */
  private hopsChanged(): void {
    this.ospf.hopsChanged();
    void this.oneAtATime(async () => {
      if (this.stopped) return;
      this.staticRoutes.refresh();
      this.forwarders.tablesChanged();
    });
  }

  /** The fabric hears of the outside while it is reached from here; else other gateways' routes are the better ones. */
  private outsideChanged(family: Family, isUp: boolean): void {
    void this.oneAtATime(async () => {
      if (this.stopping || isUp !== this.outside.isUp(family)) return;
      this.log[isUp ? "info" : "warn"](
        `outside: the ${family} next hop ${isUp ? "answers" : "does not answer"}`,
        "outside-next-hop",
      );
      this.outside.routes(this.configuration);
      await this.ospf.configure(this.outside.ospf(this.configuration));
      this.forwarders.tablesChanged();
    });
  }

  /** Next hops that no route of any origin names. */
  private forgetHops(): void {
    this.uplinkNeighbors.forgetUnused([...this.staticRoutes.hops(), ...this.ospf.sets.hops()]);
  }

  private inject(frame: Punt["frame"], octets: Uint8Array, tag: number): boolean {
    const taken = this.forwarders.inject(frame, octets, tag);
    if (!taken) this.drops.lost(frame.port, INJECT_FULL, octets);
    return taken;
  }

  private oneAtATime<T>(act: () => Promise<T>): Promise<T> {
    const next = this.busy.then(act);
    this.busy = next.catch((error) => {
      // What was asked for and cannot be is told to who asked.
      if (!this.stopped && !(error instanceof RouterError))
        this.log.error(error instanceof Error ? (error.stack ?? error.message) : String(error), "defect");
    });
    return next;
  }
}

/** What the command line says of recording goes before the file. */
export function withRecord(node: Node, record: RecordSettings | undefined): Node {
  return node.ospf === undefined || record === undefined ? node : { ...node, ospf: { ...node.ospf, record } };
}
