/**
 * An interface has one router: two would both forward its frames, and put back each other's settings. A claim holds for
 * the network namespace, whatever the routers' names, sockets and folders, and ends with the router's process.
 */
import { RouterError } from "#router/router-error";
import { heldNames, holdName, LONGEST_NAME } from "#sys/abstract-name";
import { closeDescriptor } from "#sys/descriptor";

interface Claim {
  readonly index: number;
  readonly descriptors: readonly number[];
}

/** `index`: ifindex, unique in its namespace. */
const claimName = (index: number): string => `ain if ${index}`;
/** Behind it in the name of a second socket, which tells others whose the first is. */
const HELD_BY = " by ";

export class InterfaceClaims {
  private readonly holder: string;
  /** By the interface's name. */
  private readonly claims = new Map<string, Claim>();

  /** `router`: its name, for others to read. */
  constructor(router: string) {
    this.holder = `router ${router}, process ${process.pid}`;
  }

  /** Claims the interface for this router. Throws RouterError, naming who has it, when another one does. */
  take({ name, index }: { readonly name: string; readonly index: number }): void {
    const before = this.claims.get(name);
    if (before?.index === index) return;
    this.release(name); // of that name there is another interface now
    // Who first, that second: whoever finds the claim taken also finds by whom.
    const who = holdName(`${claimName(index)}${HELD_BY}${this.holder}`.slice(0, LONGEST_NAME));
    const claim = holdName(claimName(index));
    if (claim !== undefined) {
      this.claims.set(name, { index, descriptors: who === undefined ? [claim] : [claim, who] });
      return;
    }
    if (who !== undefined) closeDescriptor(who);
    throw new RouterError(`interface ${name} is in use by ${holderOf(index)}: one router an interface`);
  }

  /** True when another router has the interface. */
  isTaken({ name, index }: { readonly name: string; readonly index: number }): boolean {
    return this.claims.get(name)?.index !== index && heldNames().includes(claimName(index));
  }

  release(name: string): void {
    this.claims.get(name)?.descriptors.forEach(closeDescriptor);
    this.claims.delete(name);
  }

  releaseAll(): void {
    for (const name of this.claims.keys()) this.release(name);
  }
}

function holderOf(index: number): string {
  const prefix = claimName(index) + HELD_BY;
  const found = heldNames().find((name) => name.startsWith(prefix));
  return found === undefined ? "another process" : found.slice(prefix.length);
}
