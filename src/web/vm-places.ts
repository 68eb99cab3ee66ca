/** VMs of all routers, each once, where it is now; and whose the home of its address is. */
import { contains, parseAddress, parsePrefix6 } from "#base/address";
import { type Knowledge, vmId } from "#web/knowledge";
import { bitsOf } from "#web/load";
import type { FabricHome, FabricVm } from "#web/model";
import type { ViewOf } from "#web/router-views";

type SaidVm = ViewOf<"vms">[number];

interface Claim {
  readonly router: Knowledge;
  readonly vm: SaidVm;
  /** When the router was first seen to have it so, and when it was last seen at all. */
  readonly since: number;
  readonly at: number;
}

/** For so long two routers may both say that they have a VM: they are not asked at one moment. Milliseconds. */
const DISPUTE_AFTER = 3000;

export function homesOf(routers: readonly Knowledge[]): Record<string, FabricHome> {
  const homes: Record<string, FabricHome> = {};
  const byName = new Map(
    routers.map((router) => [router.views.status?.now.value.name ?? router.name, router.name] as const),
  );
  for (const router of routers) {
    for (const { prefix, hypervisor, here } of router.views.homes?.now.value ?? []) {
      const named = hypervisor === null ? undefined : byName.get(hypervisor);
      const node = here ? router.name : (homes[prefix]?.node ?? named ?? null);
      homes[prefix] = { hypervisor, node };
    }
  }
  return homes;
}

export function vmsOf(
  routers: readonly Knowledge[],
  homes: Readonly<Record<string, FabricHome>>,
): Record<string, FabricVm> {
  const claims = routers.flatMap((router) => {
    const { value = [], at = 0 } = router.views.vms?.now ?? {};
    return value
      .filter((vm) => vm.address !== null || vm.ipv6.length > 0)
      .map((vm): Claim => ({ router, vm, at, since: router.seen.get(vmId(vm))?.since ?? at }));
  });
  const prefixes = Object.entries(homes).flatMap(([text, home]) => {
    const prefix = parsePrefix6(text);
    return prefix === undefined ? [] : [{ prefix, home }];
  });
  const vms: Record<string, FabricVm> = {};
  for (const [id, all] of Map.groupBy(claims, ({ vm }) => vmId(vm))) vms[id] = vmOf(all.sort(byWeight), prefixes);
  return vms;
}

/** The likeliest first: who answers before who does not, who has it before who only expects it, the latest before others. */
const byWeight = (x: Claim, y: Claim): number => weightOf(y) - weightOf(x) || y.since - x.since;

const weightOf = ({ router, vm }: Claim): number =>
  (router.reach.kind === "answers" ? 10 : 0) +
  (vm.state === "up" ? 3 : vm.state === "held" ? 2 : isExpected(vm) ? 0 : 1);

const isExpected = ({ state }: SaidVm): boolean => state === "prepared";

type Prefixes = readonly { readonly prefix: NonNullable<ReturnType<typeof parsePrefix6>>; readonly home: FabricHome }[];

function vmOf(claims: readonly Claim[], prefixes: Prefixes): FabricVm {
  const [{ router, vm, since, at }, ...others] = claims as [Claim, ...Claim[]];
  const inFabric = [...(vm.networkAddress === null ? [] : [vm.networkAddress]), ...vm.ipv6];
  const port = (value: ViewOf<"ports">) => value.find((each) => each.name === vm.port);
  const rivals = others.filter((each) => each.vm.state === "up" && each.router.reach.kind === "answers");
  const isLate = (rival: Claim): boolean => Math.min(at, rival.at) - Math.max(since, rival.since) > DISPUTE_AFTER;
  return {
    ...{ name: vm.name, network: vm.network, tenant: vm.network.split("/")[0]! },
    addresses: [...(vm.address === null ? [] : [vm.address]), ...vm.ipv6],
    networkAddresses: inFabric,
    ...{ at: router.name, port: vm.port, state: vm.state, mac: vm.mac, home: homeOf(inFabric[0], prefixes) },
    also: others.map((each) => ({ node: each.router.name, state: each.vm.state })),
    isDisputed: vm.state === "up" && rivals.some(isLate),
    // What the router's port gets is what the VM sends.
    sends: bitsOf(router.views.ports, (value) => port(value)?.rxOctets),
    gets: bitsOf(router.views.ports, (value) => port(value)?.txOctets),
  };
}

function homeOf(text: string | undefined, prefixes: Prefixes): string | null {
  const address = text === undefined ? undefined : parseAddress(text);
  if (address?.length !== 16) return null;
  return prefixes.find(({ prefix }) => contains(prefix, address))?.home.node ?? null;
}
