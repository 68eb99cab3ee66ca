/** For end-to-end tests: other people's BFD at the neighbor's end of a {@link Bench}, each told and asked in one language. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatIpv6 } from "#base/address";
import { type Bench, eventually, INTERFACE, OURS } from "#router/bfd/testing/bench";

export interface PeerTimers {
  /** Milliseconds. */
  readonly transmit: number;
  readonly receive: number;
  readonly multiplier: number;
}

/** What the peer says of its session with us. */
export interface PeerSession {
  /** In lower case: "up", "down", "init", "admindown" or what the peer calls them. */
  readonly state: string;
  /** The interval of its packets and the silence after which it takes the session down, as negotiated; milliseconds. */
  readonly interval: number;
  readonly timeout: number;
}

export interface Peer {
  /** False: what its operator takes down falls silent, without a word to the neighbor. */
  readonly saysAdminDown: boolean;
  /** Starts it with one session to us; resolves once it takes commands. */
  start(timers: PeerTimers): Promise<void>;
  /** undefined: it has none. */
  session(): PeerSession | undefined;
  /** Changes the session's timers while it goes on. */
  change(timers: PeerTimers): void;
  /** Takes the session down administratively, or lets it come up again. */
  setAdminDown(adminDown: boolean): void;
  stop(): Promise<void>;
}

/** Programs in the neighbor's namespace, and a folder for all they write. */
class Programs {
  readonly folder: string;
  private readonly namespace: string;
  private readonly running: ChildProcess[] = [];

  constructor(bench: Bench, name: string) {
    this.namespace = bench.its;
    this.folder = mkdtempSync(join(tmpdir(), `ain-bfd-${name}-`));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, text: string): void {
    writeFileSync(this.path(name), text);
  }

  start(...words: readonly string[]): void {
    const child = spawn("ip", ["netns", "exec", this.namespace, ...words], { stdio: ["ignore", "ignore", "inherit"] });
    this.running.push(child);
  }

  async waitForFile(name: string): Promise<void> {
    await eventually(`file ${name}`, () => existsSync(this.path(name)), Boolean);
  }

  async stop(): Promise<void> {
    for (const child of this.running.reverse()) {
      if (child.exitCode !== null) continue;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill();
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function output(command: string, ...words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, words, { encoding: "utf8", timeout: 10_000 });
  if (status !== 0) throw new Error(`${command} ${words.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

interface FrrPeer {
  readonly status: string;
  readonly "detect-multiplier": number;
  readonly "receive-interval": number;
  readonly "transmit-interval": number;
  readonly "remote-receive-interval": number;
  readonly "remote-transmit-interval": number;
  readonly "remote-detect-multiplier": number;
}

/** FRR's bfdd, with the zebra that tells it of interfaces. */
export class Frr implements Peer {
  readonly saysAdminDown = true;
  private readonly programs: Programs;

  constructor(bench: Bench) {
    this.programs = new Programs(bench, "frr");
  }

  async start(timers: PeerTimers): Promise<void> {
    const { programs } = this;
    output("chown", "frr:frr", programs.folder); // the daemons' own user makes their sockets
    programs.write("zebra.conf", "");
    programs.write("bfdd.conf", ["bfd", ...this.peer(...timerLines(timers))].join("\n"));
    this.daemon("zebra");
    await programs.waitForFile("zserv.api");
    this.daemon("bfdd", "--bfdctl", programs.path("bfdd.sock"));
    await programs.waitForFile("bfdd.vty");
  }

  session(): PeerSession | undefined {
    const [peer] = JSON.parse(this.vtysh("show bfd peers json")) as FrrPeer[];
    if (peer === undefined) return undefined;
    // FRR shows what each end wants; the rest is RFC 5880 §6.8.2 and §6.8.4.
    const interval = Math.max(peer["transmit-interval"], peer["remote-receive-interval"]);
    const theirs = Math.max(peer["receive-interval"], peer["remote-transmit-interval"]);
    return { state: peer.status, interval, timeout: peer["remote-detect-multiplier"] * theirs };
  }

  change(timers: PeerTimers): void {
    this.configure(...timerLines(timers));
  }

  setAdminDown(adminDown: boolean): void {
    this.configure(adminDown ? "shutdown" : "no shutdown");
  }

  async stop(): Promise<void> {
    await this.programs.stop();
  }

  private daemon(name: string, ...more: readonly string[]): void {
    const { programs } = this;
    const files = [
      "-f",
      programs.path(`${name}.conf`),
      "-i",
      programs.path(`${name}.pid`),
      "-z",
      programs.path("zserv.api"),
    ];
    const log = ["--log", `file:${programs.path(`${name}.log`)}`];
    programs.start(`/usr/lib/frr/${name}`, "--vty_socket", programs.folder, "-P", "0", ...files, ...log, ...more);
  }

  private peer(...lines: readonly string[]): string[] {
    return [`peer ${formatIpv6(OURS)} interface ${INTERFACE}`, ...lines, "exit"];
  }

  private configure(...lines: readonly string[]): void {
    this.vtysh("configure terminal", "bfd", ...this.peer(...lines));
  }

  private vtysh(...commands: readonly string[]): string {
    return output("vtysh", "--vty_socket", this.programs.folder, ...commands.flatMap((command) => ["-c", command]));
  }
}

const timerLines = ({ transmit, receive, multiplier }: PeerTimers): string[] => [
  `transmit-interval ${transmit}`,
  `receive-interval ${receive}`,
  `detect-multiplier ${multiplier}`,
];

/** BIRD 2. */
export class Bird implements Peer {
  readonly saysAdminDown = false;
  private readonly programs: Programs;
  private timers: PeerTimers | undefined;

  constructor(bench: Bench) {
    this.programs = new Programs(bench, "bird");
  }

  async start(timers: PeerTimers): Promise<void> {
    this.write(timers, true);
    const { programs } = this;
    programs.start(
      "bird",
      "-f",
      "-c",
      programs.path("bird.conf"),
      "-s",
      programs.path("ctl"),
      "-P",
      programs.path("pid"),
    );
    await programs.waitForFile("ctl");
  }

  session(): PeerSession | undefined {
    const lines = this.birdc("show", "bfd", "sessions").split("\n");
    const line = lines.find((text) => text.startsWith(formatIpv6(OURS)));
    if (line === undefined) return undefined;
    const [, , state, , interval, timeout] = line.split(/\s+/);
    return { state: state!.toLowerCase(), interval: Number(interval) * 1000, timeout: Number(timeout) * 1000 };
  }

  change(timers: PeerTimers): void {
    this.write(timers, true);
    this.birdc("configure");
  }

  /** BIRD knows no session that is held down: the neighbor is taken out of the configuration. */
  setAdminDown(adminDown: boolean): void {
    this.write(this.timers!, !adminDown);
    this.birdc("configure");
  }

  async stop(): Promise<void> {
    await this.programs.stop();
  }

  private write(timers: PeerTimers, withNeighbor: boolean): void {
    this.timers = timers;
    const { transmit, receive, multiplier } = timers;
    const neighbor = withNeighbor ? `  neighbor ${formatIpv6(OURS)} dev "${INTERFACE}";\n` : "";
    this.programs.write(
      "bird.conf",
      `router id 192.0.2.2;
protocol device { }
protocol bfd {
  interface "${INTERFACE}" { min tx interval ${transmit} ms; min rx interval ${receive} ms; multiplier ${multiplier}; };
${neighbor}}
`,
    );
  }

  private birdc(...words: readonly string[]): string {
    return output("birdc", "-s", this.programs.path("ctl"), ...words);
  }
}
