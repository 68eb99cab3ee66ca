/**
 * IPv6 addresses that tenants brought, as rules see them. Rules know a host by tags and 32 bits more, of which such an address
 * has none; so a network's prefixes, and those inside them that rules name, are *classes* with a number each, and an
 * address has that of the longest prefix that it is in. The numbers are above those of the fabric's own hosts, and follow
 * from the prefix, so that every router has the same, and other prefixes change none that is there.
 */
import { contains, type Prefix } from "#base/address";
import type { IidPrefix } from "#policy/rules";

/** Of the first class; host numbers of the fabric's own IPv6 hosts are smaller (homes.ts). */
const FIRST = 0x80_0000;
/** 0xffffff is left out: it is an outside host's. */
const CLASSES = 0x7f_ffff;

/** IPv6. */
export interface BroughtPrefix extends Prefix {
  /** True: nobody else has its addresses, and all public ones reach them. */
  readonly isPublic: boolean;
}

export interface AddressClass {
  readonly prefix: Prefix;
  /** 0x800000 … 0xfffffe. */
  readonly host: number;
  readonly isPublic: boolean;
}

/** A network's, the longest prefix first. `named`: IPv6 prefixes that rules name of it. */
export function addressClasses(brought: readonly BroughtPrefix[], named: readonly Prefix[]): AddressClass[] {
  const taken = new Set<number>();
  const keys = new Set<string>();
  const classes: AddressClass[] = [];
  const inside = named.flatMap((prefix) => {
    const around = brought.find((each) => each.length <= prefix.length && contains(each, prefix.address));
    return around === undefined ? [] : [{ ...prefix, isPublic: around.isPublic }];
  });
  for (const prefix of [...brought, ...inside].sort(inOrder)) {
    const key = keyOf(prefix);
    if (keys.has(key)) continue;
    keys.add(key);
    let number = Bun.hash.xxHash32(key) % CLASSES;
    while (taken.has(number)) number = (number + 1) % CLASSES;
    taken.add(number);
    const { address, length, isPublic } = prefix;
    classes.push({ prefix: { address, length }, host: FIRST + number, isPublic });
  }
  return classes.sort((a, b) => b.prefix.length - a.prefix.length);
}

const keyOf = ({ address, length }: Prefix): string => `${address.join(".")}/${length}`;

/** So that where numbers collide the same prefix has its own everywhere. */
const inOrder = (a: Prefix, b: Prefix): number => a.length - b.length || Buffer.compare(a.address, b.address);

/** All addresses of a network's classes inside an IPv6 prefix. */
export const classesWithin = (tags: number, classes: readonly AddressClass[], prefix: Prefix): IidPrefix[] =>
  classes.flatMap(({ prefix: each, host }) =>
    each.length >= prefix.length && contains(prefix, each.address) ? [{ tags, host, length: 64 }] : [],
  );

/** The public ones. */
export const publicClasses = (tags: number, classes: readonly AddressClass[]): IidPrefix[] =>
  classes.flatMap(({ host, isPublic }) => (isPublic ? [{ tags, host, length: 64 }] : []));

/** All addresses of the fabric's that IPv6 hosts with these tags have. */
export const fabricHosts = (tags: number): IidPrefix => ({ tags, host: 0, length: 32 + 9 });
