/**
 * What a VM may send to groups (broadcast and multicast) before the kernel refuses it, so that a storm of one VM's takes no
 * turn of a forwarder's from the others. It is wider than any limit of the pipeline's own: what the router itself answers
 * (ARP, neighbor discovery, DHCP, group reports) and twice what the VM's Ethernet segment carries.
 */
import type { Configuration } from "#router/config/model";
import type { PortState } from "#router/ports";
import { SysError } from "#sys/errno";
import { GroupLimit } from "#sys/group-limit";

/** Frames a second, and at once beyond it, for what a VM says to its router. */
const OWN_RATE = 1000;
const OWN_BURST = 2000;

interface Kept {
  readonly limit: GroupLimit;
  rate: number;
}

export class GroupLimits {
  private readonly open = new Map<PortState, Kept>();
  /** Of a port's earlier openings. */
  private readonly before = new Map<PortState, number>();

  /**
   * The VM's port was opened; `attach` has the kernel use the limit for its descriptors. Where the kernel has no such
   * thing to give, all works without.
   */
  opened(port: PortState, attach: (limit: GroupLimit) => void): void {
    let limit: GroupLimit | undefined;
    try {
      limit = GroupLimit.open(port.interface);
      const kept = { limit, rate: 0 };
      setRate(kept, port.vm?.network.segment?.rate ?? 0);
      attach(limit);
      this.open.set(port, kept);
    } catch (error) {
      limit?.close();
      if (!(error instanceof SysError)) throw error;
    }
  }

  /** Another configuration's rates. */
  refresh({ fabric }: Configuration): void {
    for (const [port, kept] of this.open) {
      const network = fabric.networks.find(({ name }) => name === port.vm?.network.name);
      setRate(kept, network?.segment?.rate ?? 0);
    }
  }

  /** Frames that the kernel refused at the port. */
  refused(port: PortState): number {
    return (this.before.get(port) ?? 0) + this.refusedNow(port);
  }

  /** Likewise, since it was opened last. */
  refusedNow(port: PortState): number {
    return this.open.get(port)?.limit.refused ?? 0;
  }

  closed(port: PortState): void {
    const kept = this.open.get(port);
    if (kept === undefined) return;
    this.before.set(port, this.refused(port));
    this.open.delete(port);
    kept.limit.close();
  }

  removed(port: PortState): void {
    this.before.delete(port);
  }
}

/** `rate`: of the VM's segment, frames a second; 0: it is on none. */
function setRate(kept: Kept, rate: number): void {
  const [all, burst] = [OWN_RATE + 2 * rate, OWN_BURST + rate];
  if (kept.rate !== all) kept.limit.set(all, burst);
  kept.rate = all;
}
