/** Rows of IPv6 addresses that are not the fabric's: who has them, as a network knows them (layout.ts, TENANT_WORDS). */
import type { Prefix } from "#base/address";
import { TE_PUBLIC, TE_STRANGER } from "#fastpath/tables/layout";
import { prefixRow } from "#fastpath/tables/prefix-rows";
import { rawOf } from "#fastpath/tables/raw-words";

/** The largest host number: of addresses that no rule tells from others. */
export const TENANT_HOST_NUMBER = 0xff_ffff;

export interface TenantPlan {
  /** IPv6. */
  readonly prefix: Prefix;
  /** Unsigned 32 bits; 0: the network has no way there. */
  readonly tags: number;
  /** Host number that rules know the addresses by. Default: {@link TENANT_HOST_NUMBER}. */
  readonly host?: number | undefined;
  /** Default false. */
  readonly isPublic?: boolean;
  /** True: the network is reached for being public alone. Default false. */
  readonly isStranger?: boolean;
}

export const tenantRow = (plan: TenantPlan): number[] => [
  rawOf(plan.tags),
  ...prefixRow(plan.prefix),
  rawOf(plan.host ?? TENANT_HOST_NUMBER),
  (plan.isPublic === true ? TE_PUBLIC : 0) | (plan.isStranger === true ? TE_STRANGER : 0),
];

/** All rows of a network, the longest prefix first. */
export const tenantRows = (plans: readonly TenantPlan[]): number[] =>
  plans.toSorted((a, b) => b.prefix.length - a.prefix.length).flatMap(tenantRow);
