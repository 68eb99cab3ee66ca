/** The next step of an LSA on its way: RFC 2328 §13.3 with the interfaces of RFC 5340 §4.5.2. */
import { type Core, interfacesOf } from "#ospf/core";
import type { Entry } from "#ospf/database/store";
import { addRetransmission } from "#ospf/flooding/retransmit";
import { queueUpdate } from "#ospf/flooding/updates";
import { satisfied } from "#ospf/neighbor/loading";
import { atLeast } from "#ospf/neighbor/machine";
import { compareInstances } from "#ospf/packet/lsa-header";
import type { Scope } from "#ospf/scope";
import type { Interface, Neighbor } from "#ospf/state";

/**
 * Floods what was just installed. `from`: who sent it, undefined for ours. True: it went back out of the interface it
 * came in by, which acknowledges it too (§13.5).
 */
export function flood(core: Core, scope: Scope, entry: Entry, from?: Neighbor): boolean {
  let back = false;
  for (const out of interfacesOf(core, scope)) {
    if (!floodOut(core, out, entry, from)) continue;
    if (out === from?.interface) back = true;
  }
  return back;
}

function floodOut(core: Core, out: Interface, entry: Entry, from: Neighbor | undefined): boolean {
  let needed = false;
  for (const neighbor of out.neighbors.values()) {
    const lacking = lacks(core, neighbor, entry); // first: it may end a request to the sender
    if (neighbor === from || !lacking) continue;
    addRetransmission(core, neighbor, entry);
    needed = true;
  }
  if (!needed) return false;
  if (from?.interface === out) {
    // Steps 3 and 4: the designated routers see to the others on the link.
    const fromDesignated = from.routerId === out.designatedRouter || from.routerId === out.backupDesignatedRouter;
    if (out.config.kind === "broadcast" && (fromDesignated || out.state === "Backup")) return false;
  }
  queueUpdate(core, out, entry);
  return true;
}

/** Step 1 (a) and (b). */
function lacks(core: Core, neighbor: Neighbor, entry: Entry): boolean {
  if (!atLeast(neighbor.state, "Exchange")) return false;
  if (neighbor.requests.size === 0) return true;
  const { header } = entry.lsa;
  const wanted = neighbor.requests.get(header);
  if (wanted === undefined) return true;
  const order = compareInstances(header, wanted);
  if (order < 0) return false;
  satisfied(core, neighbor, header);
  return order > 0;
}
