/** The VMs of a lab: where they are, and who answers whom. */
import { askEverywhere, type DemoVm } from "#cli/demo/who";
import { Failure } from "#cli/failure";
import type { Topology } from "#lab/model";
import { loadNode } from "#router/config/node";

/** A VM and where it is: its namespace, its hypervisor's node, its address in the fabric. */
export interface Place extends DemoVm {
  readonly network: string;
  readonly hypervisor: string;
  readonly networkAddress: string;
}

/** Those with an IPv4 address that the routers' files tell of and that are nodes of that name. Throws Failure. */
export function placesOf({ nodes }: Topology): Place[] {
  return nodes.flatMap(({ role }) => {
    if (role.kind !== "router") return [];
    const config = loadNode(role.config);
    if (!config.ok) throw new Failure(`${role.config} is damaged: ain check tells more`);
    return config.node.vms.flatMap(({ name, network, ipv4 }): Place[] => {
      const node = nodes.find((each) => each.name === name);
      if (ipv4 === undefined || node === undefined) return [];
      const addresses = { address: ipv4.address.text, networkAddress: ipv4.networkAddress.text };
      const { namespace } = node;
      return [{ name, namespace, ...addresses, network: network.name, hypervisor: config.node.name }];
    });
  });
}

/** Who answered whom. */
export interface WhoAnswers {
  readonly addresses: readonly string[];
  /** One row a VM, sorted; null: nobody answered, or was asked. */
  readonly rows: readonly {
    readonly vm: Place;
    readonly answers: readonly (Place | null)[];
  }[];
  /** Answers from a VM of another network or address. */
  readonly wrong: number;
  readonly missing: number;
}

/** With more addresses than that a VM asks only those of its own network. */
const MANY = 12;

/** Every VM asks every address that any VM has. @param patience milliseconds, in all. */
export async function askAll(vms: readonly Place[], patience: number): Promise<WhoAnswers> {
  const addresses = [...new Set(vms.map((vm) => vm.address))].sort();
  const byName = new Map(vms.map((vm) => [vm.name, vm]));
  const networks = Map.groupBy(vms, ({ network }) => network);
  const ofNetwork = new Map([...networks].map(([name, members]) => [name, new Set(members.map((vm) => vm.address))]));
  const isThere = (network: string, address: string): boolean => ofNetwork.get(network)!.has(address);
  const expected = ({ network }: Place): string[] => [...ofNetwork.get(network)!];
  const asked = addresses.length > MANY ? expected : () => addresses;
  const answers = await askEverywhere(vms, { addresses: asked, expected, patience });
  const rows = [...vms]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((vm) => ({
      vm,
      answers: addresses.map((address) => byName.get(answers[vm.name]![address] ?? "") ?? null),
    }));
  let wrong = 0;
  let missing = 0;
  for (const { vm, answers: row } of rows) {
    for (const [i, answerer] of row.entries()) {
      if (answerer === null) missing += isThere(vm.network, addresses[i]!) ? 1 : 0;
      else if (answerer.network !== vm.network || answerer.address !== addresses[i]) wrong++;
    }
  }
  return { addresses, rows, wrong, missing };
}
