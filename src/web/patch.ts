/** What differs between two models of the fabric, so that a browser is told only that. */
import { type Fabric, KINDS, type Kind } from "#web/model";

export interface Patch {
  /** New and changed things, by kind and id. */
  readonly set: { readonly [K in Kind]?: Readonly<Record<string, unknown>> };
  readonly gone: { readonly [K in Kind]?: readonly string[] };
}

export function patchBetween(before: Fabric, now: Fabric): Patch {
  const set: Record<string, Record<string, unknown>> = {};
  const gone: Record<string, string[]> = {};
  for (const kind of KINDS) {
    const [old, fresh] = [before[kind] as Record<string, unknown>, now[kind] as Record<string, unknown>];
    const changed = Object.entries(fresh).filter(([id, value]) => !Bun.deepEquals(old[id], value, true));
    const lost = Object.keys(old).filter((id) => !Object.hasOwn(fresh, id));
    if (changed.length > 0) set[kind] = Object.fromEntries(changed);
    if (lost.length > 0) gone[kind] = lost;
  }
  return { set, gone };
}

export const isEmpty = ({ set, gone }: Patch): boolean =>
  Object.keys(set).length === 0 && Object.keys(gone).length === 0;

/** All of a model, as a patch of none. */
export const wholeOf = (fabric: Fabric): Patch => ({ set: fabric as Patch["set"], gone: {} });
