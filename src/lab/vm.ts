/** A VM of a lab: the kernel of its namespace, configured as a cloud configures its machines. */
import { parseAddress } from "#base/address";
import { LabError } from "#lab/lab-error";
import { changeIfDifferent } from "#lab/links";
import type { LabNode, VmRole } from "#lab/model";
import { EADDRNOTAVAIL, SysError } from "#sys/errno";
import { type Address, type Link, Rtnetlink } from "#sys/rtnetlink";

/** Milliseconds between looks for an interface. */
const STEP = 50;

/**
 * Gives the VM its address and its default route. Waits for its interface, which a router may be about to make.
 * @param earlier the address it was given before, as `10.0.0.2/32`; taken away when it differs.
 * @param patience milliseconds.
 */
export async function configureVm(
  node: LabNode,
  role: VmRole,
  { earlier, patience }: { earlier?: string | undefined; patience: number },
): Promise<void> {
  const socket = new Rtnetlink(node.namespace);
  try {
    const link = await waitForInterface(socket, node, role, patience);
    changeIfDifferent(socket, link, {
      up: true,
      ...(role.mtu !== undefined && { mtu: role.mtu }),
      ...(role.mac && { mac: role.mac.bytes }),
    });
    if (earlier !== undefined && earlier !== addressText(role)) removeAddress(socket, link, earlier);
    const { bytes: address, prefixLength } = role.address;
    socket.addAddress(link.index, { address, prefixLength });
    if (role.gateway !== undefined) {
      // On the link whatever the prefix length: a /32 has no neighbours, as in most clouds.
      const nextHop = { index: link.index, gateway: role.gateway.bytes, onLink: true };
      const everything = { address: new Uint8Array(role.gateway.bytes.length), prefixLength: 0 };
      socket.setRoute({ destination: everything, nextHops: [nextHop] });
    }
  } finally {
    socket.close();
  }
}

export const addressText = ({ address }: VmRole): string => `${address.text}/${address.prefixLength}`;

async function waitForInterface(socket: Rtnetlink, node: LabNode, role: VmRole, patience: number): Promise<Link> {
  for (let waited = 0; ; waited += STEP) {
    const link = socket.link(role.interface);
    if (link !== undefined) return link;
    if (waited >= patience) break;
    await Bun.sleep(STEP);
  }
  const there = socket.links().map((link) => link.name);
  throw new LabError(
    `${node.name}: no interface ${role.interface} came up in ${patience / 1000} s (there: ${there.join(", ")})`,
  );
}

function removeAddress(socket: Rtnetlink, link: Link, text: string): void {
  const [address, length] = text.split("/");
  const bytes = parseAddress(address ?? "");
  if (bytes === undefined) return;
  const wanted: Address = { address: bytes, prefixLength: Number(length) };
  try {
    socket.deleteAddress(link.index, wanted);
  } catch (error) {
    // The interface is a new one and never had it.
    if (!(error instanceof SysError && error.errno === EADDRNOTAVAIL)) throw error;
  }
}
