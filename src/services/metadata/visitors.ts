/** Who may ask how much: the VMs by their network addresses, bounded in connections and requests each. */
import type { Millis } from "#base/time";
import { documentAt, type VmMetadata } from "#services/metadata/documents";
import { type Answer, HttpConnection } from "#services/metadata/http";

/** Open connections of one VM. */
export const MOST_CONNECTIONS = 8;
/** Requests of one VM at once, and how many come back a second. */
const BURST = 50;
const EACH_SECOND = 10;

interface Visitor {
  metadata: VmMetadata;
  connections: number;
  tokens: number;
  refilled: Millis;
}

/** One connection of a VM's, counted until it is closed. */
export interface Visit {
  readonly http: HttpConnection;
  close(): void;
}

export class Visitors {
  readonly #visitors = new Map<string, Visitor>();
  readonly #clock: () => Millis;

  constructor(clock: () => Millis) {
    this.#clock = clock;
  }

  /** Network address (canonical, RFC 5952) → the VM's metadata: all there are. Bounds and connections of the others stay. */
  set(all: ReadonlyMap<string, VmMetadata>): void {
    for (const address of this.#visitors.keys()) if (!all.has(address)) this.#visitors.delete(address);
    for (const [address, metadata] of all) {
      const visitor = this.#visitors.get(address);
      if (visitor !== undefined) visitor.metadata = metadata;
      else this.#visitors.set(address, { metadata, connections: 0, tokens: BURST, refilled: this.#clock() });
    }
  }

  /** A connection from `address`; undefined: it is nobody's here, or one too many. */
  open(address: string): Visit | undefined {
    const visitor = this.#visitors.get(address);
    if (visitor === undefined || visitor.connections >= MOST_CONNECTIONS) return undefined;
    visitor.connections++;
    let open = true;
    return {
      // Looked up for each request: the VM may have gone, or its data changed, while the connection stayed.
      http: new HttpConnection((path) => this.#answer(address, path)),
      close: () => {
        if (open) visitor.connections--;
        open = false;
      },
    };
  }

  #answer(address: string, path: string): Answer {
    const visitor = this.#visitors.get(address);
    if (visitor === undefined) return { status: 404 };
    const now = this.#clock();
    visitor.tokens = Math.min(BURST, visitor.tokens + ((now - visitor.refilled) / 1000) * EACH_SECOND);
    visitor.refilled = now;
    if (visitor.tokens < 1) return { status: 429 };
    visitor.tokens -= 1;
    const document = documentAt(path, visitor.metadata);
    return document === undefined ? { status: 404 } : { status: 200, document };
  }
}
