/**
 * Which of a VM's addresses goes into which of its client's associations (RFC 8415 §13.1, §18.3). A VM has the configured
 * addresses, whatever its client is called and however it counts, so nothing but the message decides: an address stays
 * where the client has it, the others are dealt in turn. A router that starts anew answers as the one before.
 */
import { sameAddress } from "#base/address";
import type { Dhcp6Settings } from "#services/dhcp6/events";
import {
  type Association,
  type Dhcp6Options,
  INFINITY,
  NO_ADDRS_AVAIL,
  NO_BINDING,
  NO_PREFIX_AVAIL,
  NOT_ON_LINK,
} from "#wire/dhcp6-options";

/** Addresses of others that one answer calls invalid, at most (§18.3.4 does not ask for any). */
const MOST_REVOKED = 8;

/** How addresses that are not the VM's are met: as hints, as a mistake, or as leases from another time or place. */
export type Purpose = "offer" | "assign" | "extend";

export type Associations = Pick<Dhcp6Options, "iaNa" | "iaTa" | "iaPd">;

/** `available`: the VM's addresses but for those declined. */
export function assign(
  asked: Associations,
  available: readonly Uint8Array[],
  purpose: Purpose,
  settings: Dhcp6Settings,
): Associations {
  const iaNa = asked.iaNa ?? [];
  const offLink = iaNa.filter((ia) => purpose === "assign" && foreignIn(ia, settings).length > 0);
  const dealt = deal(
    iaNa.filter((ia) => !offLink.includes(ia)),
    available,
  );
  let revocable = purpose === "extend" ? MOST_REVOKED : 0;
  const answers = iaNa.map((ia) => {
    const own = dealt.get(ia);
    if (own === undefined) return refusal(ia, NOT_ON_LINK, "not this VM's address");
    const revoked = foreignIn(ia, settings).slice(0, revocable);
    revocable -= revoked.length;
    if (own.length + revoked.length === 0) return refusal(ia, NO_ADDRS_AVAIL, "no address is left");
    return lease(ia.iaid, own, revoked, settings.leaseTime);
  });
  return {
    ...(iaNa.length > 0 && { iaNa: answers }),
    ...refusals("iaTa", asked.iaTa, NO_ADDRS_AVAIL, "no temporary addresses"),
    ...refusals("iaPd", asked.iaPd, NO_PREFIX_AVAIL, "no prefixes to delegate"),
  };
}

/** Associations in which none of the VM's addresses is (§18.3.7, §18.3.8). */
export function withoutBinding(asked: Associations, settings: Dhcp6Settings): Associations {
  const unbound = (asked.iaNa ?? []).filter((ia) => ownIn(ia, settings.addresses).length === 0);
  return {
    ...(unbound.length > 0 && refusals("iaNa", unbound, NO_BINDING, "")),
    ...refusals("iaTa", asked.iaTa, NO_BINDING, ""),
    ...refusals("iaPd", asked.iaPd, NO_BINDING, ""),
  };
}

/** The addresses in an association that are among `own`. */
export const ownIn = (ia: Association, own: readonly Uint8Array[]): Uint8Array[] =>
  own.filter((address) => names(ia, address));

/** All addresses that the message names are the VM's (§18.3.3). Undefined: it names none. */
export function areOnLink({ iaNa = [], iaTa = [] }: Associations, settings: Dhcp6Settings): boolean | undefined {
  const named = [...iaNa, ...iaTa].filter(({ addresses }) => addresses.length > 0);
  return named.length === 0 ? undefined : named.every((ia) => foreignIn(ia, settings).length === 0);
}

const names = (ia: Association, address: Uint8Array): boolean =>
  ia.addresses.some((each) => sameAddress(each.address, address));

const foreignIn = (ia: Association, { addresses }: Dhcp6Settings): Uint8Array[] =>
  ia.addresses.map(({ address }) => address).filter((named) => !addresses.some((own) => sameAddress(own, named)));

/** Each address to the first association that names it, or else to the one with fewest. */
function deal(associations: readonly Association[], available: readonly Uint8Array[]): Map<Association, Uint8Array[]> {
  const dealt = new Map<Association, Uint8Array[]>(associations.map((ia) => [ia, []]));
  const owner = (address: Uint8Array) => associations.find((ia) => names(ia, address));
  for (const address of available) {
    const ia = owner(address);
    if (ia !== undefined) dealt.get(ia)!.push(address);
  }
  for (const address of available) {
    if (owner(address) !== undefined) continue;
    const [fewest] = [...dealt.values()].sort((a, b) => a.length - b.length);
    fewest?.push(address);
  }
  return dealt;
}

/** The times of all associations are the same (§18.3.2); half and four fifths are advised (§21.4). */
function lease(
  iaid: number,
  own: readonly Uint8Array[],
  revoked: readonly Uint8Array[],
  lifetime: number,
): Association {
  const [t1, t2] =
    lifetime === INFINITY ? [INFINITY, INFINITY] : [Math.floor(lifetime / 2), Math.floor((lifetime * 4) / 5)];
  const addresses = [
    ...own.map((address) => ({ address, preferredLifetime: lifetime, validLifetime: lifetime })),
    ...revoked.map((address) => ({ address, preferredLifetime: 0, validLifetime: 0 })),
  ];
  return { iaid, t1, t2, addresses };
}

const refusal = ({ iaid }: Association, code: number, message: string): Association => ({
  iaid,
  t1: 0,
  t2: 0,
  addresses: [],
  status: { code, message },
});

function refusals(
  kind: keyof Associations,
  asked: readonly Association[] | undefined,
  code: number,
  message: string,
): Associations {
  return asked === undefined ? {} : { [kind]: asked.map((ia) => refusal(ia, code, message)) };
}
