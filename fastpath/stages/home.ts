/** home: tags and IPv4 address → network address, by the consistent one-way hash over the homes. Paper §2.1, figure 1. */
import { jump } from "#base/jump";
import { siphash24 } from "#base/siphash";
import { R_DESTINATION, R_SOURCE } from "#fastpath/decision";
import { type Frame, UNUSUAL_ICMP_ERROR } from "#fastpath/frame";
import { OUTSIDE_TAGS, P_VM, PORT_WORDS, V_ADDRESS, VM_WORDS } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, type Verdict } from "#fastpath/verdicts";

export function home(f: Frame, t: Tables): Verdict {
  const r = t.records;
  const vm = t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS + V_ADDRESS;
  r[R_SOURCE] = t.vms[vm]!;
  r[R_SOURCE + 1] = t.vms[vm + 1]!;
  r[R_SOURCE + 2] = t.vms[vm + 2]!;
  r[R_SOURCE + 3] = t.vms[vm + 3]!;
  writeHome(t, r, R_DESTINATION);
  if ((f.unusual & UNUSUAL_ICMP_ERROR) !== 0) {
    writeHome(t, t.quoted, 0);
    writeHome(t, t.quoted, 4);
  }
  return CONTINUE;
}

/** Fills the upper 64 bits of the address at `at`, whose lower 64 bits (the IID) are there already. */
export function writeHome(t: Tables, address: Int32Array, at: number): void {
  if (address[at + 2] === 0) {
    // the metadata service: every router's own
    address[at] = t.routerAddress[0]!;
    address[at + 1] = t.routerAddress[1]!;
    return;
  }
  if (address[at + 2] === OUTSIDE_TAGS) {
    address[at] = t.outsidePrefix[0]!;
    address[at + 1] = t.outsidePrefix[1]!;
    return;
  }
  siphash24(t.key, address[at + 2]!, address[at + 3]!, t.hashed);
  const index = jump(t.hashed[1]!, t.hashed[0]!, t.homes.length >> 1) << 1;
  address[at] = t.homes[index]!;
  address[at + 1] = t.homes[index + 1]!;
}
