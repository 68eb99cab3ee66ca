/** What `show` asks of a router's mobility. */
import { connectionTicks } from "#fastpath/tables/connection-states";
import type { RouterMobility } from "#router/mobility/router-mobility";
import { type Around, bindingsView, mobilityView, TOLD, tunnelsView } from "#router/mobility/show-mobility";
import type { BindingsView, FlightReport, MobilityView, TunnelsView } from "#router/mobility/views";
import { RouterError } from "#router/router-error";
import { monotonicNanos } from "#sys/clock";

const around = ({ configuration, places }: RouterMobility): Around => ({
  ...{ fabric: configuration.fabric, places },
  ticks: connectionTicks(monotonicNanos()),
});

export const showBindings = (mobility: RouterMobility): BindingsView =>
  bindingsView(mobility.host?.core.view(TOLD), around(mobility));

/** `forwarders`: each one's counters. */
export const showTunnels = (mobility: RouterMobility, forwarders: readonly Float64Array[]): TunnelsView =>
  tunnelsView({ ...around(mobility), pathMtus: mobility.pathMtus, forwarders });

export function showMobility(mobility: RouterMobility): MobilityView {
  const { host, configuration } = mobility;
  return mobilityView(host?.core.view(TOLD), {
    ...around(mobility),
    address: configuration.node.address.text,
    counters: host?.counters ?? new Map(),
    keys: configuration.fabric.mobility.auth,
  });
}

/** Throws RouterError when the VM was in no flight. */
export function showFlight({ flights }: RouterMobility, vm: string): FlightReport {
  const report = flights.report(vm);
  if (report === undefined) throw new RouterError(`no move of a VM called ${vm} is known here`);
  return report;
}
