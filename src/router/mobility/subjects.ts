/** Subjects, VMs' addresses in their networks, as the core, the binding table and people have them. */
import { formatIpv4, formatIpv6 } from "#base/address";
import { fromHex, put32, toHex, u32 } from "#base/bytes";
import { KEY_WORDS } from "#fastpath/tables/keyed-slots";
import type { Subject } from "#pmip/events";
import type { Fabric, Vm } from "#router/config/model";
import type { PeerView, SubjectView } from "#router/mobility/views";

const MAPPED = "00000000000000000000ffff";

export const subjectOf = (tags: number, address: Uint8Array): Subject => ({
  tags,
  address: address.length === 4 ? MAPPED + toHex(address) : toHex(address),
});

/** All that a VM has. */
export const subjectsOf = ({ network: { tags }, ipv4, ipv6 }: Vm): Subject[] =>
  [...(ipv4 === undefined ? [] : [ipv4.address.bytes]), ...ipv6.map(({ bytes }) => bytes)].map((address) =>
    subjectOf(tags, address),
  );

/** Equal for equal subjects. */
export const subjectKey = ({ tags, address }: Subject): string => `${tags} ${address}`;

/** Puts the subject into a binding table's `key`: raw words. */
export function putKey(key: Int32Array, { tags, address }: Subject): void {
  const octets = new Uint8Array(4 * KEY_WORDS);
  put32(octets, 0, tags);
  octets.set(fromHex(address)!, 4);
  key.set(new Int32Array(octets.buffer));
}

/** The subject of an entry's key. */
export function fromKey(key: Int32Array): Subject {
  const octets = new Uint8Array(key.slice(0, KEY_WORDS).buffer);
  return { tags: u32(octets, 0), address: toHex(octets.subarray(4)) };
}

export function subjectView({ tags, address }: Subject, { networks }: Pick<Fabric, "networks">): SubjectView {
  const octets = fromHex(address)!;
  return {
    network: networks.find((each) => each.tags === tags)?.name ?? null,
    address: address.startsWith(MAPPED) ? formatIpv4(octets, 12) : formatIpv6(octets),
  };
}

/** `blue/prod 10.0.0.5`. */
export function subjectText(subject: Subject, fabric: Pick<Fabric, "networks">): string {
  const { network, address } = subjectView(subject, fabric);
  return network === null ? address : `${network} ${address}`;
}

/** A hypervisor by an address of its own, 32 hexadecimal digits: interface identifier 1 of a home. */
export function peerView(address: string, { homes }: Pick<Fabric, "homes">): PeerView {
  const home = homes.find(({ prefix }) => toHex(prefix.address).slice(0, 16) === address.slice(0, 16));
  return { address: formatIpv6(fromHex(address)!), hypervisor: home?.hypervisor ?? null };
}

/** Its name, or its address. */
export function peerText(address: string, fabric: Pick<Fabric, "homes">): string {
  const view = peerView(address, fabric);
  return view.hypervisor ?? view.address;
}
