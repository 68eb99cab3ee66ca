/**
 * What the router changed about the machine, so that it can be put back: at the end, or, after a crash, at the next
 * start. Written to a file before each change is made.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { SysError } from "#sys/errno";
import { Rtnetlink } from "#sys/rtnetlink";
import { readSysctl, writeSysctl } from "#sys/sysctl";

/** A setting's earlier state. */
type Entry =
  | { readonly kind: "sysctl"; readonly key: string; readonly value: string }
  | { readonly kind: "down"; readonly interface: string };

export class UndoLog {
  private readonly file: string;
  private entries: Entry[] = [];

  /**
   * Takes up what a run that crashed has left behind, and puts it back.
   * @param isOthers true for an interface that another router has by now: its settings are that one's business.
   */
  constructor(file: string, isOthers: (name: string) => boolean) {
    this.file = file;
    if (!existsSync(file)) return;
    this.entries = readEntries(file).filter((entry) => !isOthers(interfaceOf(entry)));
    this.undoAll();
  }

  /** Sets a sysctl (`net/ipv6/conf/eth1/disable_ipv6`), remembering what it was. */
  sysctl(key: string, value: string): void {
    const before = readSysctl(key);
    if (before === value) return;
    this.remember({ kind: "sysctl", key, value: before });
    writeSysctl(key, value);
  }

  /** The interface is about to be switched on; it was off. */
  broughtUp(name: string): void {
    this.remember({ kind: "down", interface: name });
  }

  /** Puts everything back, latest first; what is gone meanwhile needs nothing. */
  undoAll(): void {
    for (const entry of this.entries.reverse()) undo(entry);
    this.entries = [];
    rmSync(this.file, { force: true });
  }

  /** Puts back what was changed about one interface. */
  undoInterface(name: string): void {
    const its = this.entries.filter((entry) => interfaceOf(entry) === name);
    if (its.length === 0) return;
    for (const entry of its.reverse()) undo(entry);
    this.entries = this.entries.filter((entry) => interfaceOf(entry) !== name);
    this.save();
  }

  private remember(entry: Entry): void {
    if (this.entries.some((known) => JSON.stringify(known) === JSON.stringify(entry))) return;
    this.entries.push(entry);
    this.save();
  }

  private save(): void {
    mkdirSync(dirname(this.file), { recursive: true });
    writeFileSync(this.file, JSON.stringify(this.entries));
  }
}

/** All sysctls here are an interface's: net/ipv6/conf/NAME/…. */
const interfaceOf = (entry: Entry): string =>
  entry.kind === "down" ? entry.interface : (entry.key.split("/")[3] ?? "");

/** A file that cannot be read (a crash while it was written) is of no use. */
function readEntries(file: string): Entry[] {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Entry[];
  } catch {
    return [];
  }
}

function undo(entry: Entry): void {
  try {
    if (entry.kind === "sysctl") {
      writeSysctl(entry.key, entry.value);
      return;
    }
    const netlink = new Rtnetlink();
    try {
      const link = netlink.link(entry.interface);
      if (link !== undefined) netlink.changeLink(link.index, { up: false }, entry.interface);
    } finally {
      netlink.close();
    }
  } catch (error) {
    if (!(error instanceof SysError)) throw error; // the interface is gone, and its settings with it
  }
}
