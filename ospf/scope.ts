/** Where an LSA is flooded (RFC 5340 §4.5.2), and the database it then lies in. */
import type { LsaStore } from "#ospf/database/store";
import type { Area, Instance, Interface } from "#ospf/state";

export type Scope =
  | { readonly kind: "link"; readonly interface: Interface }
  | { readonly kind: "area"; readonly area: Area }
  | { readonly kind: "as" };

export function storeOf(instance: Instance, scope: Scope): LsaStore {
  switch (scope.kind) {
    case "link":
      return scope.interface.database;
    case "area":
      return scope.area.database;
    case "as":
      return instance.external;
  }
}
