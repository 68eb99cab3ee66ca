/** The router's views, made from what it holds. */
import { formatMac } from "#base/address";
import {
  C_ENDINGS,
  C_ERRORS_LIMITED,
  C_ERRORS_SENT,
  C_RECEIVE_DROPS,
  C_RX_FRAMES,
  C_RX_OCTETS,
  C_TRANSMIT_ERRORS,
  C_TX_FRAMES,
  C_TX_OCTETS,
  W_BUSY,
  W_CACHE_HITS,
  W_CACHE_MISSES,
  W_SLEEPS,
  W_TURNS,
} from "#fastpath/counters";
import { ENDINGS, KERNEL_LOSSES } from "#fastpath/verdicts";
import type { BfdStatusView } from "#router/bfd/bfd-view";
import { segmentsView } from "#router/broadcast/show-segments";
import { tagsText } from "#router/config/facts";
import { showBindings, showFlight, showMobility, showTunnels } from "#router/mobility/show-host";
import { hasOffload } from "#router/ports";
import type { Router } from "#router/router";
import { RouterError } from "#router/router-error";
import type { CounterView, PortView, ViewName, Views, VmView } from "#router/views";
import type { Prefix } from "#runtime/document/scalars";
import packageJson from "../../package.json";

/** `words`: the view, and what it is asked for more exactly. Undefined when nothing is called that. */
export async function show(router: Router, words: readonly string[]): Promise<unknown> {
  const [what = "", ...rest] = words;
  if (what === "ospf") return router.showOspf(rest);
  if (what === "bfd") return router.ospf.bfd === undefined ? NO_BFD : router.ospf.bfd.status();
  if (what === "connections" && rest.length === 1) {
    const view = connections(router, rest[0]);
    if (view === undefined) throw new RouterError(`no VM here is called ${rest[0]}`);
    return view;
  }
  if (what === "flights" && rest.length === 1) return showFlight(router.mobility, rest[0]!);
  if (rest.length > 0 || !Object.hasOwn(MAKE, what)) return undefined;
  if (what === "ports" || what === "counters" || what === "drops") await router.forwarders.tellLosses();
  return MAKE[what as ViewName](router);
}

/** What it says while it does not run, for nobody wants it. */
const NO_BFD: BfdStatusView = {
  ...{ scheduling: "none", longestDelay: 0, refused: {}, pollsUnanswered: 0, ignored: 0 },
  ...{ transmitErrors: 0, receiveDrops: 0, sessions: [] },
};

const NO_NAT: Views["nat"] = { sessions: 0, room: 0, blocks: [], bindings: [] };

const MAKE: { readonly [What in ViewName]: (router: Router) => Views[What] } = {
  status,
  ports,
  vms,
  routes: (router) => router.routes(),
  neighbors: (router) => [
    ...router.uplinkNeighbors.view(),
    ...router.vmNeighbors.view(),
    ...router.outside.neighbors(router.configuration),
  ],
  homes,
  networks,
  dhcp: (router) => [...router.vmDhcp.view(), ...router.vmDhcp6.view()],
  rules: (router) => router.rules.view(),
  connections: (router) => connections(router)!,
  nat: (router) => router.nat?.view(router.configuration.fabric) ?? NO_NAT,
  bindings: ({ mobility }) => showBindings(mobility),
  tunnels: ({ mobility, forwarders }) => showTunnels(mobility, forwarders.counters),
  mobility: ({ mobility }) => showMobility(mobility),
  flights: ({ mobility }) => mobility.flights.view(),
  segments,
  counters,
  drops: (router) => router.drops.view(performance.now()),
};

function status(router: Router): Views["status"] {
  const { node } = router.configuration;
  return {
    name: node.name,
    role: node.role,
    address: node.address.text,
    version: packageJson.version,
    pid: process.pid,
    uptime: (Date.now() - router.startedAt) / 1000,
    forwarders: router.forwarders.counters.map((c, id) => ({
      id,
      turns: c[W_TURNS]!,
      sleeps: c[W_SLEEPS]!,
      busy: c[W_BUSY]! / 1e6,
      cacheHits: c[W_CACHE_HITS]!,
      cacheMisses: c[W_CACHE_MISSES]!,
    })),
    configuration: router.file,
  };
}

function ports(router: Router): PortView[] {
  const all = [...router.ports.all.values()];
  const drops = router.ports.drops.read(all);
  return all.map((port) => {
    const count = (counter: number) => router.counters.of(port.index, counter);
    const open = port.trouble === undefined;
    return {
      index: port.index,
      name: port.name,
      kind: port.kind,
      interface: port.interface,
      attachment: port.attachment,
      state: port.trouble ?? (router.uplinkNeighbors.hasCarrier(port) ? "up" : "no carrier"),
      mtu: open ? port.mtu : null,
      mac: open ? formatMac(port.mac) : null,
      offload: hasOffload(port),
      rxFrames: count(C_RX_FRAMES),
      rxOctets: count(C_RX_OCTETS),
      txFrames: count(C_TX_FRAMES),
      txOctets: count(C_TX_OCTETS),
      dropped: ENDINGS.reduce(
        (sum, { fate }, ending) => (fate === "dropped" ? sum + count(C_ENDINGS + ending) : sum),
        0,
      ),
      receiveDrops: count(C_RECEIVE_DROPS),
      transmitErrors: count(C_TRANSMIT_ERRORS),
      interfaceReceiveDrops: drops.get(port)!.receive,
      interfaceTransmitDrops: drops.get(port)!.transmit,
      errorsSent: count(C_ERRORS_SENT),
      errorsLimited: count(C_ERRORS_LIMITED),
    };
  });
}

function vms(router: Router): VmView[] {
  return [...router.ports.all.values()].flatMap(({ index, name, vm, trouble }) => {
    if (vm === undefined) return [];
    const mac = router.vmNeighbors.macOf(index);
    const state = router.vms.stateOf(vm.name) ?? "active";
    return [
      {
        name: vm.name,
        network: vm.network.name,
        address: vm.ipv4?.address.text ?? null,
        networkAddress: vm.ipv4?.networkAddress.text ?? null,
        ipv6: vm.ipv6.map(({ text }) => text),
        port: name,
        state: trouble ?? (state === "active" ? "up" : state),
        mac: mac === undefined ? null : formatMac(mac),
      },
    ];
  });
}

function connections(router: Router, vm?: string): Views["connections"] | undefined {
  const { configuration, ports, rules } = router;
  return router.connections.view({ fabric: configuration.fabric, ports, rules }, vm);
}

function segments({ broadcast, mobility, configuration, ports, forwarders }: Router): Views["segments"] {
  const core = mobility.host?.core.segments();
  return segmentsView({ broadcast, core, fabric: configuration.fabric, ports, forwarders: forwarders.counters });
}

function homes(router: Router): Views["homes"] {
  const { fabric, node } = router.configuration;
  return fabric.homes.map(({ prefix, hypervisor }, index) => ({
    index,
    prefix: prefix.text,
    hypervisor: hypervisor ?? null,
    here: node.homes.includes(index),
  }));
}

function networks(router: Router): Views["networks"] {
  const texts = (prefixes: readonly Prefix[]): string[] => prefixes.map(({ text }) => text);
  const here = [...router.ports.all.values()].flatMap(({ vm }) => (vm === undefined ? [] : [vm.network.name]));
  return router.configuration.fabric.networks.map((network) => ({
    ...{ name: network.name, tenant: network.name.split("/")[0]! },
    ...{ tenantId: network.tenantId, networkId: network.networkId, tags: tagsText(network.tags) },
    gateway: network.gateway.text,
    prefixes: texts(network.prefixes),
    publicPrefixes: texts(network.publicPrefixes),
    tenantPrefixes: texts(network.tenantPrefixes),
    publicTenantPrefixes: texts(network.tenantPrefixes.filter(({ isPublic }) => isPublic)),
    publicIpv6: network.publicIpv6,
    vms: here.filter((name) => name === network.name).length,
  }));
}

function counters(router: Router): CounterView[] {
  const drops = router.ports.drops.read(router.ports.all.values());
  return [...router.ports.all.values()].flatMap((port) => {
    const count = (counter: number) => router.counters.of(port.index, counter);
    const inKernel = [
      count(C_RECEIVE_DROPS),
      count(C_TRANSMIT_ERRORS),
      router.ports.groups.refused(port),
      drops.get(port)!.receive,
      drops.get(port)!.transmit,
    ];
    const rows = [
      ...ENDINGS.map((ending, number) => ({ ...ending, frames: count(C_ENDINGS + number) })),
      ...KERNEL_LOSSES.map((loss, i) => ({ ...loss, frames: inKernel[i]! })),
    ];
    return rows
      .filter(({ frames }) => frames > 0)
      .map(({ name, fate, frames, meaning }) => ({ port: port.name, ending: name, fate, frames, meaning }));
  });
}
