/** Where neighbors were heard from last: the MAC addresses of the frames their packets came in. */
import { formatIpv6 } from "#base/address";

/** More speakers than any link has; the one longest silent is forgotten for a new one. */
const MOST = 4096;

export class MacTable {
  private readonly macs = new Map<string, Uint8Array>();

  learn(port: number, address: Uint8Array, mac: Uint8Array): void {
    const key = keyOf(port, address);
    this.macs.delete(key); // to the end
    this.macs.set(key, mac);
    if (this.macs.size > MOST) this.macs.delete(this.macs.keys().next().value!);
  }

  /** Undefined: nothing was heard of it. */
  of(port: number, address: Uint8Array): Uint8Array | undefined {
    return this.macs.get(keyOf(port, address));
  }

  /** The port is closed. */
  forget(port: number): void {
    for (const key of this.macs.keys()) if (key.startsWith(`${port} `)) this.macs.delete(key);
  }
}

const keyOf = (port: number, address: Uint8Array): string => `${port} ${formatIpv6(address)}`;
