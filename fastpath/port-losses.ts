/** What the kernel lost on either side of a forwarder's ports, put among the counters when somebody wants to see it. */
import { C_RECEIVE_DROPS, C_TRANSMIT_ERRORS, portCounters } from "#fastpath/counters";
import type { Port } from "#fastpath/ports/port";

interface Told {
  drops: number;
  errors: number;
}

export class PortLosses {
  private readonly counters: Float64Array;
  /** Ports count from when they were opened, counters from the router's start. */
  private readonly told = new Map<Port, Told>();

  constructor(counters: Float64Array) {
    this.counters = counters;
  }

  /** Adds what was lost since the last time. Costs system calls: not for every turn. */
  tell(port: Port): void {
    const before = this.told.get(port) ?? { drops: 0, errors: 0 };
    const now = { drops: port.receiveDrops(), errors: port.transmitErrors };
    const c = portCounters(port.index);
    this.counters[c + C_RECEIVE_DROPS]! += now.drops - before.drops;
    this.counters[c + C_TRANSMIT_ERRORS]! += now.errors - before.errors;
    this.told.set(port, now);
  }

  /** The last word about a port that is about to be closed. */
  forget(port: Port): void {
    this.tell(port);
    this.told.delete(port);
  }
}
