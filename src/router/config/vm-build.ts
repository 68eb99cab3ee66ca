/** An element of `vms` → the VM it describes, and back: what a VM is told to another router as, and kept as. */
import type { z } from "zod";
import { networkAddress } from "#policy/homes";
import { defaultInstanceId } from "#router/config/facts";
import type { Address, Attachment, Fabric, Network, Vm, VmIpv4 } from "#router/config/model";
import type { vm } from "#router/config/node-schema";
import type { Housed } from "#router/config/vm-homes";
import { addressOf } from "#runtime/document/scalars";

/** An element of `vms` as it is written. */
export type VmDefinition = z.input<typeof vm>;

/** The checks have found it right. `userData`: what it says of it, read. */
export function buildVm(
  value: z.output<typeof vm>,
  { network, home, ipv6 }: Housed,
  fabric: Fabric,
  userData: Uint8Array | undefined,
): Vm {
  const { name, address, mac, mtu, hostname, dhcp, instanceId, offload, capture } = value;
  return {
    name,
    network,
    ...(address !== undefined && home !== undefined && { ipv4: buildIpv4(address, home, network, fabric) }),
    ipv6,
    ...(mac !== undefined && { mac }),
    ...(mtu !== undefined && { mtu }),
    attachment: buildAttachment(value),
    hostname: hostname ?? hostNameFrom(name),
    dhcp,
    instanceId: instanceId ?? defaultInstanceId({ name, network }),
    ...(userData !== undefined && { userData }),
    offload,
    capture,
  };
}

function buildIpv4(address: Address, home: number, { tags }: Network, { homes }: Fabric): VmIpv4 {
  const bytes = networkAddress(homes[home]!.prefix.address, tags, address.bytes);
  return { address, home, networkAddress: addressOf(bytes) };
}

/** A VM's name may have characters that a host's may not (RFC 1123 §2.1). It begins with a letter or digit. */
const hostNameFrom = (name: string): string => name.replace(/[^A-Za-z0-9-]/g, "-").replace(/-+$/, "");

/** The checks have seen to it that there is one of the two. */
function buildAttachment({ tap, interface: existing }: z.output<typeof vm>): Attachment {
  if (tap === undefined) return { kind: "interface", interface: existing! };
  const { name, netns, rename, mac } = tap;
  return {
    kind: "tap",
    interface: name,
    ...(netns !== undefined && { netns }),
    ...(rename !== undefined && { rename }),
    ...(mac !== undefined && { mac }),
  };
}

/** What {@link buildVm} makes the same VM of, with nothing in it that only this machine knows but its interface. */
export function definitionOf(vm: Vm): VmDefinition {
  const { name, network, ipv4, ipv6, mac, mtu, hostname, dhcp, instanceId, userData, offload, capture } = vm;
  return {
    name,
    network: network.name,
    ...(ipv4 !== undefined && { address: ipv4.address.text }),
    ...(ipv6.length > 0 && { ipv6: ipv6.map(({ text }) => text) }),
    ...(mac !== undefined && { mac: mac.text }),
    ...(mtu !== undefined && { mtu }),
    ...(hostname !== hostNameFrom(name) && { hostname }),
    ...(!dhcp && { dhcp }),
    ...(instanceId !== defaultInstanceId(vm) && { instanceId }),
    ...(userData !== undefined && { userData: writtenData(userData) }),
    ...writtenAttachment(vm.attachment),
    ...(!offload && { offload }),
    ...(capture && { capture }),
  };
}

/** As text where it is some. */
function writtenData(data: Uint8Array): string | { readonly base64: string } {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    return { base64: data.toBase64() };
  }
}

function writtenAttachment(attachment: Attachment): Pick<VmDefinition, "tap" | "interface"> {
  if (attachment.kind === "interface") return { interface: attachment.interface };
  const { interface: name, netns, rename, mac } = attachment;
  if (netns === undefined && rename === undefined && mac === undefined) return { tap: name };
  return {
    tap: {
      name,
      ...(netns !== undefined && { netns }),
      ...(rename !== undefined && { rename }),
      ...(mac !== undefined && { mac: mac.text }),
    },
  };
}
