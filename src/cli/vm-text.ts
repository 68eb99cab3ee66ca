/** VMs as the API tells them, as text for a person. */
import { columns } from "#cli/columns";
import type { RegisteredVmView, VmAddressView, VmDetailView } from "#router/vms/views";

export const vmsText = (vms: readonly RegisteredVmView[]): string =>
  columns(
    ["VM", "NETWORK", "STATE", "FROM", "ADDRESS", "HOME", "PORT"],
    vms.flatMap((vm) =>
      vm.addresses.map((address, i) => {
        const home = homeText(address);
        if (i > 0) return ["", "", "", "", address.address, home];
        const from = vm.source === "file" ? "file" : "run time";
        return [vm.name, vm.network, vm.state, from, address.address, home, portText(vm)];
      }),
    ),
  );

/** `now`: Unix milliseconds. */
export function vmText(vm: VmDetailView, now: number): string {
  const rows = [
    ["state", `${vm.state}, for ${((now - vm.since) / 1000).toFixed(1)} s`],
    ["network", vm.network],
    ["known from", vm.source === "file" ? "the node's file" : "the API (ain vm attach, prepare)"],
    ["port", portText(vm)],
    ["MAC", vm.mac ?? "not learnt yet"],
    ...vm.addresses.map((address) => ["address", `${address.address}, home ${homeText(address)}`]),
    ...(vm.held === null
      ? []
      : [["held", `${vm.held.kept} frames, ${vm.held.returned} sent on, ${vm.held.givenUp} given up`]]),
  ];
  return [vm.name, ...rows.map(([name, value]) => `  ${name!.padEnd(12)}${value}`)].join("\n");
}

function portText({ port }: RegisteredVmView): string {
  if (port === null) return "-";
  return port.state === "up" ? port.interface : `${port.interface} (${port.state})`;
}

function homeText({ home, hypervisor, isAtHome }: VmAddressView): string {
  if (isAtHome) return `${home} (here)`;
  return hypervisor === null ? home : `${home} (${hypervisor})`;
}
