/** Which neighbors BFD watches: OSPF's wishes, as sessions of the BFD thread. It is started when first needed. */
import { formatIpv6, linkLocalFromMac, sameAddress } from "#base/address";
import type { BfdChange, BfdNeighbor, BfdSession, BfdTimers } from "#router/bfd/bfd-session";
import type { BfdSettings } from "#router/config/model";
import type { PortState } from "#router/ports";
import { SysError } from "#sys/errno";

/** What this asks of the BFD thread (bfd/bfd-thread.ts has it). */
export interface BfdSessions {
  add(session: BfdSession): void;
  remove(neighbor: BfdNeighbor): void;
  change(neighbor: BfdNeighbor, timers: BfdTimers): void;
  setMac(neighbor: BfdNeighbor, remoteMac: Uint8Array): void;
  onState(listener: (change: BfdChange) => void): void;
}

export interface BfdWatchOptions {
  /** Undefined: there is none, and neighbors go unwatched. */
  readonly start: () => Promise<BfdSessions | undefined>;
  readonly changed: (uplink: string, change: BfdChange) => void;
  readonly warn: (text: string) => void;
}

/** A neighbor that is, or is to be, watched. */
interface Watched {
  readonly port: PortState;
  readonly address: Uint8Array;
  mac: Uint8Array;
  /** It has a session. */
  active: boolean;
}

export class BfdWatch {
  private readonly options: BfdWatchOptions;
  private readonly watched = new Map<string, Watched>();
  private settings: ReadonlyMap<string, BfdSettings> = new Map();
  private sessions: BfdSessions | undefined;
  private starting = false;

  constructor(options: BfdWatchOptions) {
    this.options = options;
  }

  /** By uplink. Sessions take over new timers without going down. */
  configure(settings: ReadonlyMap<string, BfdSettings>): void {
    const before = this.settings;
    this.settings = settings;
    for (const { port, address, active } of this.watched.values()) {
      const [was, is] = [before.get(port.name), settings.get(port.name)];
      if (!active || is === undefined || (was?.interval === is.interval && was.multiplier === is.multiplier)) continue;
      this.sessions?.change({ port: port.index, remote: address }, timersOf(is));
    }
  }

  /** `mac`: where the neighbor was heard from last. Again: nothing new. */
  watch(port: PortState, address: Uint8Array, mac: Uint8Array): void {
    const key = keyOf(port, address);
    if (this.watched.has(key)) return;
    const watched = { port, address, mac, active: false };
    this.watched.set(key, watched);
    if (this.sessions !== undefined) this.begin(this.sessions, watched);
    else this.start();
  }

  unwatch(port: PortState, address: Uint8Array): void {
    const watched = this.watched.get(keyOf(port, address));
    if (watched === undefined) return;
    this.watched.delete(keyOf(port, address));
    if (watched.active) this.sessions?.remove({ port: port.index, remote: address });
  }

  /** The neighbor was heard from this MAC address. */
  heard(port: PortState, address: Uint8Array, mac: Uint8Array): void {
    const watched = this.watched.get(keyOf(port, address));
    if (watched === undefined || sameAddress(watched.mac, mac)) return;
    watched.mac = mac;
    if (watched.active) this.sessions?.setMac({ port: port.index, remote: address }, mac);
  }

  /** The port is closed: what was watched on it is not there. */
  closed(port: PortState): void {
    for (const watched of [...this.watched.values()]) if (watched.port === port) this.unwatch(port, watched.address);
  }

  /** All of it: a core ended that will not say so. */
  unwatchAll(): void {
    for (const { port, address } of [...this.watched.values()]) this.unwatch(port, address);
  }

  private start(): void {
    if (this.starting) return;
    this.starting = true;
    this.options.start().then(
      (sessions) => this.started(sessions),
      (error: unknown) =>
        this.options.warn(`BFD does not run: ${error instanceof Error ? error.message : String(error)}`),
    );
  }

  private started(sessions: BfdSessions | undefined): void {
    if (sessions === undefined) return;
    this.sessions = sessions;
    sessions.onState((change) => this.changed(change));
    for (const watched of this.watched.values()) this.begin(sessions, watched);
  }

  private begin(sessions: BfdSessions, watched: Watched): void {
    const { port, address, mac } = watched;
    const settings = this.settings.get(port.name);
    if (settings === undefined) return;
    try {
      sessions.add({
        port: port.index,
        interface: port.interface,
        localMac: port.mac,
        remoteMac: mac,
        local: linkLocalFromMac(port.mac),
        remote: address,
        ...timersOf(settings),
      });
      watched.active = true;
    } catch (error) {
      if (!(error instanceof SysError)) throw error; // the interface went away just now: its port is about to close
      this.options.warn(`BFD: ${error.message}`);
    }
  }

  private changed(change: BfdChange): void {
    const watched = this.watched
      .values()
      .find(({ port, address }) => port.index === change.port && sameAddress(address, change.remote));
    if (watched !== undefined) this.options.changed(watched.port.name, change);
  }
}

const timersOf = ({ interval, multiplier }: BfdSettings): BfdTimers => ({
  desiredMinTx: interval,
  requiredMinRx: interval,
  multiplier,
});

const keyOf = (port: PortState, address: Uint8Array): string => `${port.index} ${formatIpv6(address)}`;
