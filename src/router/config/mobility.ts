/** Reads the sections `mobility:`: keys and times that a fabric's nodes share, and what one node records. */
import { dirname, resolve } from "node:path";
import type { z } from "zod";
import { toHex } from "#base/bytes";
import type { fabricMobility, nodeMobility } from "#router/config/mobility-schema";
import type { MobilityKey, MobilitySettings, NodeMobility } from "#router/config/model";
import { secretOf } from "#router/config/secret";
import type { Path } from "#runtime/document/config-error";
import type { Inspector } from "#runtime/document/inspector";
import { formatSpan } from "#runtime/document/scalars";

type Written = z.output<typeof fabricMobility>;
type WrittenAuth = NonNullable<Written["auth"]>;

/** Values that errors must not repeat, for the Inspector. */
export const MOBILITY_SECRETS = /^mobility\.auth\..*\.secret$/;

/** What is wrong is reported; keys that are wrong are left out. */
export function inspectMobility(inspector: Inspector, { auth, ...rest }: Written): MobilitySettings {
  return { ...rest, ...(auth !== undefined && { auth: readAuth(inspector, ["mobility", "auth"], auth) }) };
}

function readAuth(inspector: Inspector, path: Path, { keys, send }: WrittenAuth): MobilitySettings["auth"] & {} {
  const seen = new Set<number>();
  const read = keys.flatMap((one, i): MobilityKey[] => {
    const at = [...path, "keys", i];
    if (seen.has(one.id)) inspector.report([...at, "id"], { found: `${one.id} again`, expected: "each key id once" });
    seen.add(one.id);
    const secret = secretOf(inspector, at, one);
    return secret === undefined ? [] : [{ id: one.id, secret }];
  });
  if (send !== undefined && !seen.has(send)) {
    const expected = `the id of one of the keys (${[...seen].join(", ")})`;
    inspector.report([...path, "send"], { found: `${send}`, expected });
  }
  return { keys: read, send: send ?? keys[0]!.id };
}

/** `file`: the node's; paths are from its folder. */
export const buildNodeMobility = ({ record }: z.output<typeof nodeMobility>, file: string): NodeMobility => ({
  ...(record !== undefined && { record: { file: resolve(dirname(file), record.file), limit: record.limit * 2 ** 20 } }),
});

/** All but keys, in words. */
export function mobilityText({ auth, lifetime, grace, heartbeat, idle, correspondents }: MobilitySettings): string {
  const signed = auth === undefined ? "unsigned" : `keys ${auth.keys.map(({ id }) => id).join(" ")} send ${auth.send}`;
  const times = `lifetime ${formatSpan(lifetime)} grace ${formatSpan(grace)} heartbeat ${formatSpan(heartbeat)}`;
  return `${signed} ${times} idle ${formatSpan(idle)} correspondents ${correspondents}`;
}

/** For comparison alone: never printed. */
export const mobilitySecrets = ({ auth }: MobilitySettings): string =>
  auth?.keys.map(({ id, secret }) => `${id} ${toHex(secret)}`).join(" ") ?? "";
