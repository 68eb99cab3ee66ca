/** What this router should say, computed from its state alone; originator.ts makes it so. */
import { formatPrefix } from "#base/address";
import type { LsaBody } from "#ospf/packet/lsa-body";
import { formatRouterId } from "#ospf/text";

/** An LSA that should be out. Its type follows from the body's kind. */
export interface Desired {
  readonly body: LsaBody;
  /**
   * The Link State ID, where the RFC or another LSA gives it a meaning. Where it has none (RFC 5340 §2.2), {@link nameOf}
   * the body: the originator keeps one number for a name as long as the LSA is out.
   */
  readonly id: number | string;
}

/** What an LSA is about, if its Link State ID does not say so: a prefix or a router. */
export function nameOf(body: LsaBody): string | undefined {
  switch (body.kind) {
    case "interAreaPrefix":
    case "asExternal":
    case "nssa":
      return formatPrefix(body.prefix);
    case "interAreaRouter":
      return formatRouterId(body.destinationRouterId);
    default:
      return undefined;
  }
}
