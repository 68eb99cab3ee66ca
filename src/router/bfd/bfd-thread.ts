/**
 * BFD as the control thread sees it: a thread of its own that is given sessions and tells when they come up and go down.
 * If that thread dies, which is a defect, it is started anew with the sessions it had.
 */
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { formatIpv6 } from "#base/address";
import type { StateChange } from "#bfd/events";
import { ADMINISTRATIVELY_DOWN, describeDiagnostic } from "#bfd/packet";
import { checkTimers } from "#bfd/timers";
import type { BfdCommand, BfdReport, BfdStart, BfdThreadStatus } from "#router/bfd/bfd-messages";
import {
  type BfdChange,
  type BfdNeighbor,
  type BfdSession,
  type BfdTimers,
  describe,
  keyOf,
  toKey,
  toTimers,
} from "#router/bfd/bfd-session";
import { bfdFilter } from "#router/bfd/bfd-socket";
import { type BfdStatusView, statusView } from "#router/bfd/bfd-view";
import type { Log } from "#router/log";
import { threadProgram } from "#runtime/program";
import { closeDescriptor } from "#sys/descriptor";
import { SysError } from "#sys/errno";
import { createEventFd, EventFd } from "#sys/eventfd";
import { openFrameSocket } from "#sys/frame-socket";
import { inNamespace } from "#sys/namespace";
import { Rtnetlink } from "#sys/rtnetlink";
import type { Scheduling } from "#sys/scheduling";

/** Milliseconds the thread has to answer or to end, and those between its death and the next try. */
const PATIENCE = 2000;
const RESTART_DELAY = 1000;

export interface BfdThreadOptions {
  /** Where the interfaces are: a name or path (src/sys/namespace.ts). Default: the calling thread's network namespace. */
  readonly namespace?: string;
  /** The best scheduling to ask for. Default "real-time"; less is for measurements. */
  readonly scheduling?: Scheduling;
  /** What the thread runs, for tests. Default bfd-worker.ts. */
  readonly program?: URL;
}

interface Thread {
  readonly worker: Worker;
  readonly commands: MessagePort;
  readonly wake: EventFd;
  /** Keys of the sessions it has. */
  readonly handed: Set<string>;
  /** Descriptors it has been given and not released. */
  readonly sockets: Set<number>;
  /** Who waits for a status, in order. */
  readonly asked: ((status: BfdThreadStatus | undefined) => void)[];
}

export class BfdThread {
  readonly #log: Log;
  readonly #options: BfdThreadOptions;
  readonly #sessions = new Map<string, BfdSession>();
  /** Sessions that are up, as far as reported. */
  readonly #up = new Map<string, BfdNeighbor>();
  #thread: Thread | undefined;
  #restart: Timer | undefined;
  #stopped = false;
  #changed: (change: BfdChange) => void = () => {};

  /**
   * Resolves once the thread runs. It is put before all ordinary threads as far as the kernel permits, and says in the log
   * what it got.
   */
  static async start(log: Log, options: BfdThreadOptions = {}): Promise<BfdThread> {
    const bfd = new BfdThread(log, options);
    try {
      await bfd.#spawn();
    } catch (error) {
      await bfd.stop();
      throw error;
    }
    return bfd;
  }

  private constructor(log: Log, options: BfdThreadOptions) {
    this.#log = log;
    this.#options = options;
  }

  /** Called for each change of a session that was not taken away; one listener, in place of the one before. */
  onState(listener: (change: BfdChange) => void): void {
    this.#changed = listener;
  }

  /**
   * Starts a session. Throws SysError when the interface is not there or its socket is refused, RangeError for timers out of
   * range and for a session that is there already.
   */
  add(session: BfdSession): void {
    const key = keyOf(session);
    if (this.#sessions.has(key)) throw new RangeError(`BFD session ${describe(session)} is there already`);
    checkTimers(toTimers(session));
    this.#hand(session);
    this.#sessions.set(key, session);
  }

  /** Ends a session; its neighbor is told that it is no failure. Nothing happens when there is none. */
  remove(neighbor: BfdNeighbor): void {
    const key = keyOf(neighbor);
    this.#up.delete(key);
    if (this.#sessions.delete(key))
      this.#postTo(key, { kind: "tell", event: { type: "removeSession", ...toKey(neighbor) } });
    this.#thread?.handed.delete(key);
  }

  /** New timers, negotiated without taking the session down (RFC 5880 §6.8.3). Throws RangeError as {@link add} does. */
  change(neighbor: BfdNeighbor, timers: BfdTimers): void {
    const key = keyOf(neighbor);
    const session = this.#sessions.get(key);
    if (session === undefined) return;
    const wanted = toTimers(timers);
    checkTimers(wanted);
    const { desiredMinTx, requiredMinRx, multiplier } = timers;
    this.#sessions.set(key, { ...session, desiredMinTx, requiredMinRx, multiplier });
    this.#postTo(key, { kind: "tell", event: { type: "changeSession", ...toKey(neighbor), ...wanted } });
  }

  /** Holds a session down administratively, or lets it come up again (RFC 5880 §6.8.16). Not kept if the thread is restarted. */
  setAdminDown(neighbor: BfdNeighbor, adminDown: boolean): void {
    const event = { type: "changeSession", ...toKey(neighbor), adminDown } as const;
    this.#postTo(keyOf(neighbor), { kind: "tell", event });
  }

  /** The neighbor has another MAC address than it had. */
  setMac(neighbor: BfdNeighbor, remoteMac: Uint8Array): void {
    const key = keyOf(neighbor);
    const session = this.#sessions.get(key);
    if (session === undefined) return;
    this.#sessions.set(key, { ...session, remoteMac });
    this.#postTo(key, { kind: "moved", ...toKey(neighbor), remoteMac });
  }

  /** The port's path has failed, as whoever calls knows: its sessions go down at once. An interface that goes down is noticed anyhow. */
  linkDown(port: number): void {
    this.#post({ kind: "tell", event: { type: "linkDown", port } });
  }

  /** For `ain show bfd`. Rejects when the thread does not answer. */
  async status(): Promise<BfdStatusView> {
    const thread = this.#thread;
    if (thread === undefined) throw new Error("the BFD thread is not running");
    const { promise, resolve } = Promise.withResolvers<BfdThreadStatus | undefined>();
    thread.asked.push(resolve);
    this.#post({ kind: "status" });
    const late = setTimeout(() => resolve(undefined), PATIENCE);
    const status = await promise;
    clearTimeout(late);
    if (status === undefined) throw new Error("the BFD thread does not answer");
    return statusView(status, (port) => this.#interfaceOf(port));
  }

  /** The sessions of {@link status}. */
  async sessions(): Promise<BfdStatusView["sessions"]> {
    return (await this.status()).sessions;
  }

  /** Tells the neighbors that this is no failure, and ends the thread. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#restart);
    const thread = this.#thread;
    if (thread === undefined) return;
    const ended = new Promise<void>((resolve) => thread.worker.once("exit", () => resolve()));
    this.#post({ kind: "stop" });
    const { promise: tooLate, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, PATIENCE);
    await Promise.race([ended, tooLate]);
    clearTimeout(timer);
  }

  async #spawn(): Promise<void> {
    const channel = new MessageChannel();
    const wakeFd = createEventFd();
    const start: BfdStart = {
      wakeFd,
      scheduling: this.#options.scheduling ?? "real-time",
      seed: crypto.getRandomValues(new Int32Array(1))[0]!,
    };
    const worker = new Worker(this.#options.program ?? threadProgram("src/router/bfd/bfd-worker.ts"), {
      workerData: { start, commands: channel.port2 },
      transferList: [channel.port2],
    });
    const thread: Thread = {
      worker,
      commands: channel.port1,
      wake: new EventFd(wakeFd),
      handed: new Set(),
      sockets: new Set(),
      asked: [],
    };
    this.#thread = thread;
    await this.#listen(thread);
  }

  /** Resolves with the thread's first report. */
  #listen(thread: Thread): Promise<void> {
    const { worker } = thread;
    return new Promise((resolve, reject) => {
      worker.on("message", (report: BfdReport) => {
        if (report.kind === "started") resolve();
        this.#heard(thread, report);
      });
      worker.on("error", (error: Error) => this.#log.error(`BFD: ${error.stack ?? error.message}`, "bfd-thread"));
      worker.on("exit", (code) => {
        this.#ended(thread, code);
        reject(new Error(`the BFD thread ended with code ${code}`));
      });
    });
  }

  #heard(thread: Thread, report: BfdReport): void {
    switch (report.kind) {
      case "started":
        this.#log.info(`BFD: its thread runs, ${describeScheduling(report.scheduling)}`, "bfd-thread");
        return;
      case "state":
        this.#stateChanged(report.change);
        return;
      case "released":
        if (thread.sockets.delete(report.fd)) closeDescriptor(report.fd);
        return;
      case "status":
        thread.asked.shift()?.(report.status);
        return;
      case "defect":
        this.#log.error(`BFD: ${report.message}`, "bfd-thread");
    }
  }

  #stateChanged({ port, remoteAddress, up, diagnostic, remoteState }: StateChange): void {
    const neighbor = { port, remote: remoteAddress };
    if (!this.#sessions.has(keyOf(neighbor))) return; // taken away meanwhile
    const administrative = !up && (diagnostic === ADMINISTRATIVELY_DOWN || remoteState === "AdminDown");
    this.#tell({ ...neighbor, up, reason: describeDiagnostic(diagnostic), administrative });
  }

  #tell(change: BfdChange): void {
    const { port, remote, up, reason } = change;
    if (up) this.#up.set(keyOf(change), { port, remote });
    else this.#up.delete(keyOf(change));
    const where = `${this.#interfaceOf(port)} ${formatIpv6(remote)}`;
    this.#log.info(up ? `BFD: ${where} is up` : `BFD: ${where} is down: ${reason}`, "bfd");
    this.#changed(change);
  }

  /** Whatever it was up to, nobody watches the paths now: its sessions are down until the next thread has them up again. */
  #ended(thread: Thread, code: number): void {
    thread.commands.close();
    thread.wake.close(true);
    for (const fd of thread.sockets) closeDescriptor(fd);
    for (const answer of thread.asked) answer(undefined);
    this.#thread = undefined;
    if (this.#stopped) return;
    this.#log.error(`BFD: its thread ended with code ${code}; it is started anew`, "bfd-thread");
    for (const neighbor of [...this.#up.values()])
      this.#tell({ ...neighbor, up: false, reason: "the BFD thread ended", administrative: false });
    this.#restart = setTimeout(() => this.#startAnew(), RESTART_DELAY);
  }

  async #startAnew(): Promise<void> {
    try {
      await this.#spawn();
    } catch (error) {
      this.#log.error(`BFD: ${error instanceof Error ? error.message : error}`, "bfd-thread");
      return; // #ended has seen to the next try
    }
    for (const session of this.#sessions.values()) {
      try {
        this.#hand(session);
      } catch (error) {
        if (!(error instanceof SysError)) throw error;
        this.#log.error(`BFD: ${error.message}`, "bfd-thread");
      }
    }
  }

  /** Gives a session to the thread, with a socket if it is the first on its port. */
  #hand(session: BfdSession): void {
    const thread = this.#thread;
    if (thread === undefined) return; // the next one gets it
    const { port, local, remote, localMac, remoteMac } = session;
    const isFirst = !thread.handed.values().some((key) => key.startsWith(`${port} `));
    const event = { type: "addSession", ...toKey(session), localAddress: local, ...toTimers(session) } as const;
    const command = { kind: "add", event, remoteMac } as const;
    if (isFirst) {
      const fd = this.#openSocket(session);
      thread.sockets.add(fd);
      this.#post({ ...command, socket: { fd, localMac } });
    } else this.#post(command);
    thread.handed.add(keyOf({ port, remote }));
  }

  #openSocket({ interface: name, localMac }: BfdSession): number {
    return inNamespace(this.#options.namespace, () => openFrameSocket(interfaceIndex(name), name, bfdFilter(localMac)));
  }

  #interfaceOf(port: number): string {
    return this.#sessions.values().find((session) => session.port === port)?.interface ?? `#${port}`;
  }

  #post(command: BfdCommand): void {
    this.#thread?.commands.postMessage(command);
    this.#thread?.wake.signal();
  }

  /** For a session that the thread has; else nothing. */
  #postTo(key: string, command: BfdCommand): void {
    if (this.#thread?.handed.has(key)) this.#post(command);
  }
}

function interfaceIndex(name: string): number {
  const netlink = new Rtnetlink();
  try {
    return netlink.requireLink(name).index;
  } finally {
    netlink.close();
  }
}

function describeScheduling(scheduling: Scheduling): string {
  switch (scheduling) {
    case "real-time":
      return "before all ordinary threads (SCHED_RR)";
    case "preferred":
      return "preferred (nice -10): real-time scheduling is not permitted";
    case "ordinary":
      return "as an ordinary thread: under load its sessions may flap";
  }
}
