/**
 * With which claims VMs are attached here, kept over restarts: a router that slept through a VM's departure says since when
 * it had it, and is told that another has it since. Written whole and renamed into place.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Millis } from "#base/time";

export class Claims {
  readonly #file: string;
  readonly #claims: Map<string, Millis>;
  #scheduled: Timer | undefined;

  constructor(file: string) {
    this.#file = file;
    this.#claims = new Map(Object.entries(readClaims(file)));
  }

  of(vm: string): Millis | undefined {
    return this.#claims.get(vm);
  }

  /** `undefined`: it is here no more. */
  set(vm: string, claim: Millis | undefined): void {
    if (this.#claims.get(vm) === claim) return;
    if (claim === undefined) this.#claims.delete(vm);
    else this.#claims.set(vm, claim);
    this.#scheduled ??= setTimeout(() => this.flush(), 0); // a router starts with many VMs at once
  }

  flush(): void {
    if (this.#scheduled === undefined) return;
    clearTimeout(this.#scheduled);
    this.#scheduled = undefined;
    writeFileSync(`${this.#file}.new`, JSON.stringify(Object.fromEntries(this.#claims)));
    renameSync(`${this.#file}.new`, this.#file);
  }
}

/** A file that cannot be read, or is none of ours, tells nothing: VMs are attached as if they were new. */
function readClaims(file: string): Record<string, Millis> {
  if (!existsSync(file)) return {};
  try {
    const read: unknown = JSON.parse(readFileSync(file, "utf8"));
    const entries = typeof read === "object" && read !== null ? Object.entries(read) : [];
    return Object.fromEntries(entries.filter((entry): entry is [string, Millis] => Number.isFinite(entry[1])));
  } catch {
    return {};
  }
}
