/** The routers that are asked where a packet goes: who they are, which ports and VMs they have, which addresses are theirs. */
import { contains, parseAddress, parsePrefix6, sameAddress } from "#base/address";
import { ClientError, call, Refusal } from "#cli/client";
import { Failure, MISUSED } from "#cli/failure";
import { surroundings, within } from "#cli/surroundings";
import type { HomeView, PortView, StatusView, VmView } from "#router/views";

export interface KnownRouter {
  readonly name: string;
  readonly socket: string;
  readonly address: Uint8Array | undefined;
  readonly ports: readonly PortView[];
  readonly vms: readonly VmView[];
  /** Prefixes that it is the home of. */
  readonly homes: readonly HomeView[];
}

export interface UnaskedRouter {
  readonly router: string;
  readonly error: string;
}

export interface FabricView {
  readonly routers: readonly KnownRouter[];
  /** Those that gave no answer. */
  readonly unasked: readonly UnaskedRouter[];
}

/** `sockets`: name → API socket. Throws ClientError when none of them answers, a Refusal when those that do refuse. */
export async function viewFabric(sockets: ReadonlyMap<string, string>): Promise<FabricView> {
  const unasked: UnaskedRouter[] = [];
  let refusal: Refusal | undefined;
  const asked = await Promise.all(
    [...sockets].map(async ([router, socket]) => {
      try {
        return await know(socket);
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        if (error instanceof Refusal) refusal ??= error;
        unasked.push({ router, error: error.message });
        return undefined;
      }
    }),
  );
  const routers = asked.filter((each) => each !== undefined);
  if (routers.length === 0 && refusal !== undefined) throw refusal;
  if (routers.length === 0)
    throw new ClientError(unasked.map(({ error }) => error).join("\n") || "no router was named");
  return { routers, unasked };
}

async function know(socket: string): Promise<KnownRouter> {
  const show = async <T>(what: string): Promise<T> => (await call(socket, "GET", `show/${what}`)) as T;
  const status = await show<StatusView>("status");
  // That it is of another version has been said by now.
  const [ports, vms, homes] = await within({ ...surroundings(), writeError: () => {} }, () =>
    Promise.all([
      show<readonly PortView[]>("ports"),
      show<readonly VmView[]>("vms"),
      show<readonly HomeView[]>("homes"),
    ]),
  );
  const here = homes.filter((home) => home.here);
  return { name: status.name, socket, address: parseAddress(status.address), ports, vms, homes: here };
}

/** A VM of an asked router. */
export interface FoundVm {
  readonly router: KnownRouter;
  readonly vm: VmView;
  /** Which of its addresses was meant; undefined: the VM was named. */
  readonly address: string | undefined;
}

/**
 * The VM that `text` means: `web`, `web@hv1`, `10.0.0.2` where only one has it, `blue/prod/10.0.0.2`. Throws Failure when it is
 * none or several.
 */
export function findSource(view: FabricView, text: string): FoundVm {
  const found = vmsOf(view, text);
  if (found.length === 1) return found[0]!;
  const where = view.routers.map(({ name }) => name).join(", ");
  if (found.length === 0) throw new Failure(`no VM ${text} at ${where}`, MISUSED);
  const names = found.map(({ router, vm }) => `${vm.name}@${router.name} (${vm.network})`).join(", ");
  throw new Failure(`several VMs are ${text}: say which of ${names}`, MISUSED);
}

/**
 * An address, or of the VM that is named the one that `source` can send to: its IPv4 address if both have one. Throws
 * Failure.
 */
export function findDestination(view: FabricView, text: string, source: FoundVm): { address: string; vm?: FoundVm } {
  const { network, address } = addressIn(text);
  if (address !== undefined && network === undefined) return { address };
  const found = vmsOf(view, text);
  if (found.length === 0 && address !== undefined) return { address };
  const vm = found.find((each) => each.vm.network === source.vm.network) ?? found[0];
  if (vm === undefined) throw new Failure(`found "${text}", expected an address or the name of a VM`, MISUSED);
  if (found.filter((each) => each.vm.network === vm.vm.network).length > 1 && address === undefined)
    throw new Failure(`several VMs are called ${text}: say it by its address`, MISUSED);
  const both = vm.vm.address !== null && source.vm.address !== null && source.address === undefined;
  const isBy6 = source.address?.includes(":") === true;
  const chosen = vm.address ?? ((both || !isBy6) && vm.vm.address !== null ? vm.vm.address : vm.vm.ipv6[0]);
  if (chosen === undefined || chosen === null) throw new Failure(`VM ${text} has no address that fits`, MISUSED);
  return { address: chosen, vm };
}

function vmsOf({ routers }: FabricView, text: string): FoundVm[] {
  const { network, address } = addressIn(text);
  const [name, at] = text.split("@");
  return routers.flatMap((router) =>
    router.vms.flatMap((vm): FoundVm[] => {
      if (address === undefined)
        return vm.name === name && (at === undefined || at === router.name) ? [{ router, vm, address: undefined }] : [];
      const isIts = [vm.address, ...vm.ipv6].some((each) => each !== null && isSame(each, address));
      return isIts && (network === undefined || network === vm.network) ? [{ router, vm, address }] : [];
    }),
  );
}

/** `10.0.0.2`, or with a network before it. */
function addressIn(text: string): { network?: string; address?: string } {
  if (parseAddress(text) !== undefined) return { address: text };
  const slash = text.lastIndexOf("/");
  const [network, address] = [text.slice(0, slash), text.slice(slash + 1)];
  return slash > 0 && parseAddress(address) !== undefined ? { network, address } : {};
}

function isSame(a: string, b: string): boolean {
  const [x, y] = [parseAddress(a), parseAddress(b)];
  return x !== undefined && y !== undefined && sameAddress(x, y);
}

/** The router that has an uplink with this MAC address, and that port. */
export function uplinkWith(view: FabricView, mac: string): { router: KnownRouter; port: PortView } | undefined {
  for (const router of view.routers) {
    const port = router.ports.find((each) => each.mac === mac && (each.kind === "uplink" || each.kind === "outside"));
    if (port !== undefined) return { router, port };
  }
  return undefined;
}

/** The router whose an IPv6 address is: its own, or in a prefix that it is the home of. */
export function ownerOf(view: FabricView, address: Uint8Array): KnownRouter | undefined {
  const isOwn = (router: KnownRouter): boolean => router.address !== undefined && sameAddress(router.address, address);
  const isHome = ({ homes }: KnownRouter): boolean =>
    homes.some(({ prefix }) => contains(parsePrefix6(prefix)!, address));
  return view.routers.find(isOwn) ?? view.routers.find(isHome);
}
