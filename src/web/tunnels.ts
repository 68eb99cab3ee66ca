/** Tunnels between hypervisors, and what share of the packets to VMs takes each. */
import type { Knowledge } from "#web/knowledge";
import { bitsOf, rateOf, rounded } from "#web/load";
import type { FabricTunnel } from "#web/model";
import type { ViewOf } from "#web/router-views";

export function tunnelsOf(routers: readonly Knowledge[]): Record<string, FabricTunnel> {
  const byAddress = new Map(routers.map(({ name, views }) => [views.status?.now.value.address, name] as const));
  const tunnels: Record<string, FabricTunnel> = {};
  for (const { name, views, reach } of routers) {
    if (reach.kind === "silent") continue;
    for (const { end, mtu, users } of views.tunnels?.now.value.tunnels ?? []) {
      const to = byAddress.get(end.address) ?? routers.find((router) => router.name === end.hypervisor)?.name ?? null;
      const same = (value: ViewOf<"tunnels">) => value.tunnels.find((each) => each.end.address === end.address);
      const packets = rateOf(views.tunnels, (value) => same(value)?.packets);
      const all = rateOf(
        views.tunnels,
        ({ shares: { native, direct, relayed, hairpin } }) => native + direct + relayed + hairpin,
      );
      tunnels[`${name} > ${end.address}`] = {
        ...{ from: name, to, address: end.address, mtu, users },
        rate: bitsOf(views.tunnels, (value) => same(value)?.octets),
        share: packets === null || all === null || all <= 0 ? null : Math.min(1, rounded(packets / all)),
      };
    }
  }
  return tunnels;
}

/** How packets to VMs went between the last two looks, shares of 1; null: there were none. */
export function waysOf({ views }: Knowledge): Record<string, number> | null {
  const ways = ["native", "direct", "relayed", "hairpin"] as const;
  const rates = ways.map((way) => [way, rateOf(views.tunnels, ({ shares }) => shares[way]) ?? 0] as const);
  const all = rates.reduce((sum, [, rate]) => sum + rate, 0);
  return all <= 0 ? null : Object.fromEntries(rates.map(([way, rate]) => [way, rounded(rate / all)]));
}
