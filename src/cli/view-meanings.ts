/** What the views of `ain show` are, in a line each: for help and completion. */
import type { ViewName } from "#router/views";

export const VIEW_MEANINGS: Readonly<Record<ViewName, string>> = {
  status: "name, role, address, version, and how busy each forwarder is",
  ports: "state, MTU, MAC, frames and octets both ways, drops, losses in the kernel",
  vms: "VMs here: addresses outside and inside the fabric, port, state, MAC",
  routes: "prefixes of this router's, configured and learnt routes, with the state of each next hop",
  neighbors: "MAC and state of fabric neighbors, VMs, and the outside's router",
  homes: "the fabric's home prefixes, and which are here",
  networks: "tenants' networks: tags, gateway, prefixes",
  dhcp: "of each VM that is served, its lease and what its client said",
  rules: "rules that this router asks, in their order, and how often each decided",
  connections: "connections that stateful rules let through",
  nat: "a gateway's NAT: whose outside ports are whose",
  bindings: "VMs away from home: where this router knows them to be",
  tunnels: "tunnels to other hypervisors, and the ways that packets to VMs take",
  mobility: "keys, peers and counters of Proxy Mobile IPv6",
  flights: "moves of VMs that this router had a part in",
  segments: "Ethernet segments: their members here and elsewhere, groups, how frames get there",
  counters: "how frames ended, by port",
  drops: "why frames were dropped, by port and network, with the last of each",
};

/** As `status: …; ports: …`, which completion takes apart again. */
export const viewMeanings = (): string =>
  Object.entries(VIEW_MEANINGS)
    .map(([view, meaning]) => `${view}: ${meaning}`)
    .join("; ");
