/** Keys of the authentication trailer (RFC 7166), from node.yaml or files of their own. */
import type { z } from "zod";
import type { AuthenticationKey } from "#ospf/config";
import type { ospfInterface } from "#router/config/ospf-schema";
import { secretOf } from "#router/config/secret";
import type { Path } from "#runtime/document/config-error";
import type { Inspector } from "#runtime/document/inspector";

type KeySettings = NonNullable<z.output<typeof ospfInterface>["auth"]>["keys"][number];

export interface AuthSettings {
  readonly keys: readonly AuthenticationKey[];
}

/** `path`: that of the section `auth`. Keys that are wrong are reported and left out. */
export function readKeys(inspector: Inspector, path: Path, settings: readonly KeySettings[]): AuthSettings {
  const seen = new Set<number>();
  const keys = settings.flatMap((one, i): AuthenticationKey[] => {
    const at = [...path, "keys", i];
    if (seen.has(one.id)) inspector.report([...at, "id"], { found: `${one.id} again`, expected: "each key id once" });
    seen.add(one.id);
    checkLife(inspector, at, one);
    const secret = secretOf(inspector, at, one);
    if (secret === undefined) return [];
    const { id, sendFrom, acceptUntil, frr8 } = one;
    return [
      {
        id,
        secret,
        ...(sendFrom !== undefined && { sendFrom }),
        ...(acceptUntil !== undefined && { acceptUntil }),
        ...(frr8 && { swapsProtocolId: true }),
      },
    ];
  });
  return { keys };
}

function checkLife(inspector: Inspector, path: Path, { sendFrom, acceptUntil }: KeySettings): void {
  if (sendFrom === undefined || acceptUntil === undefined || sendFrom < acceptUntil) return;
  const found = "an end before the key is sent with";
  inspector.report([...path, "acceptUntil"], { found, expected: "a time after sendFrom" });
}
