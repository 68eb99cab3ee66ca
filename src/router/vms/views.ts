/** What the API tells of VMs, as JSON. Addresses are text, times Unix milliseconds. */
import { formatMac } from "#base/address";
import type { Fabric, Node, Vm } from "#router/config/model";
import { definitionOf, type VmDefinition } from "#router/config/vm-build";
import { homesOf } from "#router/config/vm-homes";
import type { Ports } from "#router/ports";
import type { VmNeighbors } from "#router/vm-neighbors";
import type { HeldCounts, VmEntry, VmState } from "#router/vms/events";

/** An address of a VM, and where it is at home. */
export interface VmAddressView {
  readonly address: string;
  /** What stands for it in the fabric; an IPv6 address itself. */
  readonly networkAddress: string;
  /** False: its tenant brought it. */
  readonly isFabrics: boolean;
  /** Home prefix. */
  readonly home: string;
  /** Whose that is meant to be; null: not said. */
  readonly hypervisor: string | null;
  /** True: this router owns the home. */
  readonly isAtHome: boolean;
}

export interface RegisteredVmView {
  readonly name: string;
  readonly network: string;
  readonly state: VmState;
  readonly source: "file" | "runtime";
  /** Null: it is away. */
  readonly port: {
    readonly interface: string;
    /** "up", or why not. */
    readonly state: string;
  } | null;
  /** Null: not known yet. */
  readonly mac: string | null;
  readonly addresses: readonly VmAddressView[];
  readonly since: number;
  /** Of its latest hold; null: there was none. */
  readonly held: HeldCounts | null;
}

export interface VmDetailView extends RegisteredVmView {
  /** Since when it is attached here as its home knows it, Unix milliseconds; what `prepare` elsewhere takes as `after`. */
  readonly claim: number | null;
  /** What `attach` and `prepare` take. */
  readonly definition: VmDefinition;
}

export interface ViewedParts {
  readonly node: Node;
  readonly fabric: Fabric;
  readonly ports: Ports;
  readonly vmNeighbors: Pick<VmNeighbors, "macOf">;
  readonly claimOf: (vm: string) => number | undefined;
}

export function viewOf({ vm, state, source, port: index, since, held }: VmEntry, parts: ViewedParts): RegisteredVmView {
  const port = index === undefined ? undefined : parts.ports.all.get(index);
  const mac = index === undefined ? undefined : parts.vmNeighbors.macOf(index);
  return {
    ...{ name: vm.name, network: vm.network.name, state, source },
    port: port === undefined ? null : { interface: port.interface, state: port.trouble ?? "up" },
    mac: mac === undefined ? (vm.mac?.text ?? null) : formatMac(mac),
    addresses: addressViews(vm, parts),
    since,
    held: held ?? null,
  };
}

export const detailOf = (entry: VmEntry, parts: ViewedParts): VmDetailView => ({
  ...viewOf(entry, parts),
  claim: parts.claimOf(entry.vm.name) ?? null,
  definition: definitionOf(entry.vm),
});

const addressViews = (vm: Vm, { node, fabric }: ViewedParts): VmAddressView[] =>
  homesOf(vm).map(({ address, home }) => {
    const { prefix, hypervisor } = fabric.homes[home]!;
    return {
      address: address.text,
      networkAddress: address === vm.ipv4?.address ? vm.ipv4.networkAddress.text : address.text,
      isFabrics: !vm.ipv6.some((each) => each === address && each.owned === "tenant"),
      home: prefix.text,
      hypervisor: hypervisor ?? null,
      isAtHome: node.homes.includes(home),
    };
  });
