/** deliver: the VM's port and MAC; completes the record for the way to a local VM, from the fabric or from next door. */
import {
  ACTION_6_TO_4,
  ACTION_FORWARD,
  limits,
  R_ACTION,
  R_ADJACENCY,
  R_CHECKSUM_DELTA,
  R_DESTINATION,
  R_LIMITS,
  R_MACS,
  R_OUT_PORT,
  R_SOURCE,
} from "#fastpath/decision";
import { type Frame, KIND_IPV4, UNUSUAL_ICMP_ERROR } from "#fastpath/frame";
import { HEADERS_4, HEADERS_6 } from "#fastpath/stages/adjacency";
import { checksumDelta } from "#fastpath/stages/checksum-delta";
import { findRoute, leadsTo } from "#fastpath/stages/resolve";
import { reaches } from "#fastpath/stages/resolve-ipv6";
import {
  P_MTU,
  P_VM,
  PORT_WORDS,
  V_ADJACENCY,
  V_IPV4,
  V_MTU,
  V_NETWORK,
  V_PORT,
  VM_WORDS,
} from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { BAD_EMBEDDED, CONTINUE, NEIGHBOR_FAILED, PUNT_NEIGHBOR, type Verdict } from "#fastpath/verdicts";

/** 192.0.0.8, raw: the dummy source of errors from routers that have no IPv4 address. RFC 7600 §4.8. */
const DUMMY_IPV4 = 0x0800_00c0;

export function deliver(f: Frame, t: Tables): Verdict {
  const r = t.records;
  const index = t.vms[f.vm + V_ADJACENCY]!;
  r[R_ADJACENCY] = index;
  if (!t.adjacencies.isResolved(index)) return t.adjacencies.hasFailed(index) ? NEIGHBOR_FAILED : PUNT_NEIGHBOR;
  const mtu = t.vms[f.vm + V_MTU]!;
  r[R_OUT_PORT] = t.vms[f.vm + V_PORT]!;
  t.adjacencies.copyMacs(index, r, R_MACS);
  if (f.kind === KIND_IPV4) return hairpin(f, t, mtu);
  return t.vms[f.vm + V_IPV4] === 0 ? toIpv6Host(f, t, mtu) : fromFabric(f, t, mtu);
}

/** As it came: no translation, and no MSS clamp, as both ends know the fabric's MTU by router advertisements. */
function toIpv6Host(f: Frame, t: Tables, mtu: number): Verdict {
  if ((f.unusual & UNUSUAL_ICMP_ERROR) !== 0 && !quotesTheVm(f, t)) return BAD_EMBEDDED;
  t.records[R_ACTION] = ACTION_FORWARD;
  t.records[R_LIMITS] = limits(mtu, 0);
  return CONTINUE;
}

function hairpin(f: Frame, t: Tables, mtu: number): Verdict {
  const sender = t.ports[f.port * PORT_WORDS + P_VM]! * VM_WORDS;
  t.records[R_ACTION] = ACTION_FORWARD;
  t.records[R_LIMITS] = limits(mtu, Math.min(mtu, t.vms[sender + V_MTU]!) - HEADERS_4);
  return CONTINUE;
}

function fromFabric(f: Frame, t: Tables, mtu: number): Verdict {
  const r = t.records;
  if ((f.unusual & UNUSUAL_ICMP_ERROR) !== 0 && !quotesTheVm(f, t)) return BAD_EMBEDDED;
  const fromRouter = r[R_SOURCE + 2] === 0 && !t.isService(f.port);
  r[R_SOURCE] = fromRouter ? DUMMY_IPV4 : r[R_SOURCE + 3]!;
  r[R_DESTINATION] = r[R_DESTINATION + 3]!;
  r[R_SOURCE + 1] = r[R_DESTINATION]!; // the two new addresses side by side, as the header has them
  r[R_CHECKSUM_DELTA] = checksumDelta(t.words, (f.l3 + 8) >> 2, 8, r, R_SOURCE, 2);
  r[R_ACTION] = ACTION_6_TO_4;
  r[R_LIMITS] = limits(mtu, Math.min(mtu - HEADERS_4, t.ports[f.port * PORT_WORDS + P_MTU]! - HEADERS_6));
  return CONTINUE;
}

/** An error for a VM quotes a packet that the VM can have sent: from itself, to its own network or where that has a route to. */
function quotesTheVm(f: Frame, t: Tables): boolean {
  const quoted = f.l4 + 8;
  if (f.end - quoted < 40) return false;
  const w = (quoted + 8) >> 2;
  const r = t.records;
  const own = (f.l3 + 24) >> 2;
  for (let i = 0; i < 4; i++) if (t.words[w + i] !== t.words[own + i]) return false;
  if (t.vms[f.vm + V_IPV4] === 0) return reaches(t, t.vms[f.vm + V_NETWORK]!, t.words, w + 4);
  if (!t.isInFabric(t.words, w + 4)) return false;
  const tags = t.words[w + 6]!;
  if (tags === r[R_DESTINATION + 2]) return true;
  const row = findRoute(t, t.vms[f.vm + V_NETWORK]!, t.words[w + 7]!);
  return row >= 0 && leadsTo(t, row, tags);
}
