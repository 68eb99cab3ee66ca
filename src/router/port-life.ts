/**
 * The life of ports: made from the configuration, opened when their interface is there, closed when it goes, opened again,
 * retired. What a port means to the rest of the router is its kind's {@link PortKeeper}'s to see to.
 */
import type { Forwarders } from "#router/forwarders";
import type { Log } from "#router/log";
import type { PortCounters } from "#router/port-counters";
import { type PortState, Ports } from "#router/ports";
import { LinkMonitor } from "#sys/rtnetlink";

export interface PortKeeper {
  /** It is configured, and not open yet. */
  added?(port: PortState): void;
  /** It is open, and forwarders do not know of it yet. */
  opening?(port: PortState): void;
  /** Forwarders use it. */
  opened?(port: PortState): void;
  /** Forwarders use it no more. */
  closed(port: PortState): void;
  /** It is about to be retired; resolves when what is to be said on it is said. */
  leaving?(port: PortState): Promise<void>;
  /** It is no more. */
  removed?(port: PortState): void;
  /** An open port's carrier came or went. */
  carrier?(port: PortState, there: boolean): void;
}

export interface PortLifeOptions {
  readonly ports: Ports;
  readonly counters: PortCounters;
  readonly log: Log;
  readonly keepers: Readonly<Record<PortState["kind"], PortKeeper>>;
  /** Not before they are started. */
  readonly forwarders: () => Forwarders;
  /** Has forwarders take over what the ports are. */
  readonly adopt: () => Promise<void>;
}

export class PortLife {
  readonly #options: PortLifeOptions;
  readonly #monitor = new LinkMonitor();

  constructor(options: PortLifeOptions) {
    this.#options = options;
  }

  add(of: Parameters<Ports["add"]>[0]): PortState {
    const { ports, counters } = this.#options;
    const port = ports.add(of);
    counters.restart(port.index);
    this.#keeper(port).added?.(port);
    return port;
  }

  /** Opens the port if it can be, and tells everybody. False: not now. */
  async open(port: PortState): Promise<boolean> {
    const { ports, log, forwarders, adopt } = this.#options;
    const before = port.trouble;
    if (!ports.open(port)) {
      if (port.trouble !== before) log.warn(`port ${port.name}: ${port.trouble}`, "port-down", { port: port.name });
      return false;
    }
    const keeper = this.#keeper(port);
    keeper.opening?.(port);
    await adopt(); // first what the port is, then the port
    await forwarders().addPort(port.descriptors);
    log.info(`port ${port.name}: up on ${port.interface}, MTU ${port.mtu}`, "port-up", { port: port.name });
    keeper.opened?.(port);
    return true;
  }

  /** Opens what has come back. */
  async retry(): Promise<void> {
    for (const port of this.#options.ports.all.values()) if (port.trouble !== undefined) await this.open(port);
  }

  /** A forwarder found that the port does not work any more. */
  async failed(index: number, errno: number): Promise<void> {
    const port = this.#options.ports.all.get(index);
    if (port !== undefined && port.trouble === undefined) await this.#lose(port, Ports.reason(errno));
  }

  /** Closes what the kernel says is gone. */
  async look(): Promise<void> {
    for (const { kind, link } of this.#monitor.notices() ?? []) {
      const port = [...this.#options.ports.all.values()].find(
        (each) => each.interfaceIndex === link.index && each.trouble === undefined,
      );
      if (port === undefined) continue;
      if (kind === "changed" && link.up) this.#keeper(port).carrier?.(port, link.running);
      // A notice may be older than the port: what it tells of was before that was opened.
      else if (!this.#options.ports.stands(port))
        await this.#lose(port, `interface ${port.interface} is ${kind === "gone" ? "gone" : "down"}`);
    }
  }

  /** For good. */
  async retire(port: PortState): Promise<void> {
    const keeper = this.#keeper(port);
    if (port.trouble === undefined) {
      await keeper.leaving?.(port);
      await this.#options.forwarders().removePort(port.index);
    }
    this.#close(port, "removed");
    keeper.removed?.(port);
    this.#options.ports.remove(port);
  }

  /** Looks no more. */
  end(): void {
    this.#monitor.close();
  }

  async #lose(port: PortState, why: string): Promise<void> {
    const { forwarders, log, adopt } = this.#options;
    await forwarders().removePort(port.index);
    this.#close(port, why);
    log.warn(`port ${port.name}: ${port.trouble}`, "port-down", { port: port.name });
    await adopt();
  }

  #close(port: PortState, why: string): void {
    const { ports, forwarders } = this.#options;
    this.#keeper(port).closed(port);
    ports.closed(port, why);
    forwarders().tablesChanged();
  }

  #keeper({ kind }: PortState): PortKeeper {
    return this.#options.keepers[kind];
  }
}
