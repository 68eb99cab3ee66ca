/** What two VMs of one router may not have in common, where they come from different places: a file, the API. */
import type { Node, Vm } from "#router/config/model";
import type { Path } from "#runtime/document/config-error";

/** Something of a VM that belongs to it alone. */
interface Claim {
  readonly key: string;
  /** From the VM's own mapping on. */
  readonly path: Path;
  readonly what: string;
  readonly expected: string;
}

export interface Conflict {
  /** From the VM's own mapping on: `["address"]`. */
  readonly path: Path;
  readonly found: string;
  readonly expected: string;
  /** The other VM; undefined: it is no VM that has it. */
  readonly with: Vm | undefined;
}

/** With each of the others, and with the node's uplinks and its outside link; a VM of the same name is another one. */
export function conflictsOf(vm: Vm, others: readonly Vm[], node: Pick<Node, "uplinks" | "outside">): Conflict[] {
  const owners = new Map<string, { words: string; vm?: Vm }>();
  for (const other of others) {
    for (const { key } of claimsOf(other)) owners.set(key, { words: `the VM ${other.name}`, vm: other });
  }
  for (const uplink of node.uplinks)
    owners.set(`interface ${uplink.interface}`, { words: `the uplink ${uplink.name}` });
  if (node.outside !== undefined) owners.set(`interface ${node.outside.interface}`, { words: "the outside link" });
  return claimsOf(vm).flatMap(({ key, path, what, expected }): Conflict[] => {
    const owner = owners.get(key);
    return owner === undefined ? [] : [{ path, found: `${what}, which ${owner.words} has`, expected, with: owner.vm }];
  });
}

function claimsOf(vm: Vm): Claim[] {
  const { name, network, ipv4, ipv6, mac } = vm;
  const inNetwork = (text: string, path: Path, kind: string): Claim => ({
    key: `${network.name} ${text}`,
    path,
    what: `${text} in ${network.name}`,
    expected: `${kind} that no other VM of the network has`,
  });
  return [
    { key: `name ${name}`, path: ["name"], what: `the VM name ${name}`, expected: "each name once" },
    ...(ipv4 === undefined ? [] : [inNetwork(ipv4.address.text, ["address"], "an address")]),
    ...ipv6.map(({ text }, i) => inNetwork(text, ["ipv6", i], "an address")),
    ...(mac === undefined ? [] : [inNetwork(mac.text, ["mac"], "a MAC address")]),
    ...interfaceClaims(vm),
  ];
}

/** An interface has one user: two packet sockets on it, or a TAP of the same name, would take each other's frames. */
function interfaceClaims({ attachment }: Vm): Claim[] {
  const { kind, interface: name } = attachment;
  const expected = "an interface that nothing else uses";
  const own = { key: `interface ${name}`, path: [kind], what: kind === "tap" ? `the TAP ${name}` : name, expected };
  if (kind === "interface" || attachment.netns === undefined) return [own];
  const { netns, rename = name } = attachment;
  const what = `${rename} in the namespace ${netns}`;
  return [own, { key: `interface ${netns} ${rename}`, path: [kind], what, expected }];
}
