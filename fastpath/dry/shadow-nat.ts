/** A gateway's NAT as it is now, to try things with: its sessions as shadow-connections.ts has them, the rest copied whole. */
import { ShadowConnections } from "#fastpath/dry/shadow-connections";
import { bringAll } from "#fastpath/dry/shadow-memory";
import type { NatBuffers } from "#fastpath/shared";
import { Nat } from "#fastpath/tables/nat";

export class ShadowNat {
  readonly nat: Nat;
  readonly #shared: SharedArrayBuffer;
  readonly #shadow: SharedArrayBuffer;
  readonly #sessions: ShadowConnections;

  /** `seed`: any 32 bits. Forwarders have others, so a new binding's port is one that it could be. */
  constructor({ table, sessions }: NatBuffers, seed: number) {
    this.#shared = table;
    this.#shadow = new SharedArrayBuffer(table.byteLength);
    bringAll(table, this.#shadow);
    this.#sessions = new ShadowConnections(sessions);
    this.nat = new Nat(this.#shadow, this.#sessions, { filtering: "address-and-port-dependent", seed });
  }

  begin(): void {
    bringAll(this.#shared, this.#shadow);
    this.#sessions.begin();
  }
}
