/** What the names in a filter mean at this router. */
import type { Configuration } from "#router/config/model";
import { tenantPrefix } from "#router/config/rules";
import type { Ports } from "#router/ports";
import type { FilterNames } from "#router/watch/filter-parser";

export function filterNames({ fabric }: Configuration, ports: Ports): FilterNames {
  const { networks, tenantBits } = fabric;
  const tenantOf = (network: string): string => network.split("/")[0]!;
  const open = [...ports.all.values()];
  return {
    tenant: (name) => {
      const id = networks.find((network) => tenantOf(network.name) === name)?.tenantId;
      return id === undefined ? undefined : tenantPrefix(id, tenantBits);
    },
    network: (name) => networks.find((network) => network.name === name)?.tags,
    vm: (name) => {
      const port = open.findLast((each) => each.kind === "vm" && each.name === name);
      if (port?.vm === undefined) return undefined;
      const { ipv4, ipv6, network } = port.vm;
      const addresses = [...(ipv4 ? [ipv4.address.bytes, ipv4.networkAddress.bytes] : []), ...ipv6.map((a) => a.bytes)];
      return { port: port.index, tags: network.tags, addresses };
    },
    port: (name) => open.findLast((each) => each.name === name)?.index,
    known: (what) => {
      if (what === "network") return networks.map(({ name }) => name);
      if (what === "tenant") return [...new Set(networks.map(({ name }) => tenantOf(name)))];
      return open.filter(({ kind }) => what === "port" || kind === "vm").map(({ name }) => name);
    },
  };
}
