/** fromService, onlyLocal: what may leave the metadata service's namespace: its answers to local VMs. */
import { type Frame, KIND_IPV6 } from "#fastpath/frame";
import { isPortMac } from "#fastpath/stages/port-mac";
import { GROUP_LOCAL, SERVICE_IPV4 } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, SERVICE_STRAY, type Verdict } from "#fastpath/verdicts";

/** From the service's own address. */
export function fromService(f: Frame, t: Tables): Verdict {
  if (f.kind !== KIND_IPV6 || !isPortMac(f, t)) return SERVICE_STRAY;
  const w = (f.l3 + 8) >> 2;
  const { words, routerAddress } = t;
  if (words[w] !== routerAddress[0] || words[w + 1] !== routerAddress[1]) return SERVICE_STRAY;
  return words[w + 2] === 0 && words[w + 3] === SERVICE_IPV4 ? CONTINUE : SERVICE_STRAY;
}

export const onlyLocal = (f: Frame, _t: Tables): Verdict => (f.group === GROUP_LOCAL ? CONTINUE : SERVICE_STRAY);
