/** A filter for several routers: VMs that one of them does not have are named by their addresses there. */
import type { FabricView, KnownRouter } from "#cli/why/fabric-view";

/** The filter as the router understands it. What it understands already, and what nobody does, stays as it is. */
export function filterFor(router: KnownRouter, { routers }: FabricView, filter: string): string {
  return filter.replaceAll(/(?:\b(src|dst)\s+)?\bvm\s+([^\s()]+)/g, (whole, side: string | undefined, name: string) => {
    if (router.vms.some((vm) => vm.name === name)) return whole;
    const vm = routers.flatMap(({ vms }) => vms).find((each) => each.name === name);
    if (vm === undefined) return whole;
    const end = side === undefined ? "" : `${side} `;
    const ipv4 = vm.address === null ? [] : [`(${end}host ${vm.address} and ${end}network ${vm.network})`];
    return `(${[...ipv4, ...vm.ipv6.map((address) => `${end}host ${address}`)].join(" or ")})`;
  });
}
