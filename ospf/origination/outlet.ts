/** What origination asks of flooding. */
import type { Entry } from "#ospf/database/store";
import type { Lsa } from "#ospf/packet/lsa";
import type { Scope } from "#ospf/scope";

export interface Outlet {
  /** Puts an instance of ours, age 0, into the database, and floods it unless it is withheld. */
  install(scope: Scope, lsa: Lsa, withheld: boolean): Entry;
  /** Floods an instance that was withheld. */
  publish(scope: Scope, entry: Entry): void;
  /** Sets the age of an instance of ours to MaxAge and floods that (premature aging, RFC 2328 §14.1). It leaves the database once acknowledged. */
  flush(scope: Scope, entry: Entry): void;
}
