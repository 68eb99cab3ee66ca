/** What the flight recorder reads: counters of a VM's port, of its held frames, and of frames that no VM was found for. */
import { C_ENDINGS, C_RX_FRAMES, C_TX_FRAMES } from "#fastpath/counters";
import { ENDINGS, HOLD_ENDED, HOLD_OVERFLOW, NO_SUCH_VM, TUNNEL_LOOP, type Verdict } from "#fastpath/verdicts";
import type { FlightCounts } from "#router/mobility/flights";
import type { PortCounters } from "#router/port-counters";
import type { Ports } from "#router/ports";
import type { VmRegistry } from "#router/vms/events";

/** Endings of frames whose VM is not here, or does not come. */
const WANTING: readonly Verdict[] = [NO_SUCH_VM, HOLD_ENDED, HOLD_OVERFLOW, TUNNEL_LOOP];

export interface Counted {
  readonly vms: Pick<VmRegistry, "find">;
  readonly ports: Pick<Ports, "all">;
  readonly counters: Pick<PortCounters, "of">;
}

export function flightCounts(vm: string, { vms, ports, counters }: Counted): Omit<FlightCounts, "stragglers"> {
  const { port, held } = vms.find(vm) ?? {};
  const dropped: Record<string, number> = {};
  for (const ending of WANTING) {
    let frames = 0;
    for (const index of ports.all.keys()) frames += counters.of(index, C_ENDINGS + ending);
    if (frames > 0) dropped[ENDINGS[ending]!.name] = frames;
  }
  return {
    port:
      port === undefined ? undefined : { fromVm: counters.of(port, C_RX_FRAMES), toVm: counters.of(port, C_TX_FRAMES) },
    held: held?.kept ?? 0,
    reinjected: held?.returned ?? 0,
    givenUp: held?.givenUp ?? 0,
    dropped,
  };
}
