/** What the sections `mobility:` of fabric.yaml and node.yaml may say. Published with their schemas. */
import { z } from "zod";
import { record } from "#router/config/ospf-schema";
import { secretKeys } from "#router/config/secret";
import { span, whole } from "#runtime/document/scalars";

/** Reserved below (RFC 4285 §5.1). */
const spi = whole(256, 2 ** 32 - 1);

const key = z.strictObject(
  { id: spi.meta({ description: "security parameter index, the same on every node" }), ...secretKeys },
  { error: "a key: a mapping with id, and secret or secretFile" },
);

const KEYS = "a list of 1 … 16 keys";
const auth = z.strictObject(
  {
    keys: z
      .array(key, { error: KEYS })
      .min(1, { error: KEYS })
      .max(16, { error: KEYS })
      .meta({ description: "messages signed with any of them are accepted, others refused" }),
    send: spi.optional().meta({ description: "id of the key that messages are signed with; default: the first" }),
  },
  { error: "a mapping with keys" },
);

/** Lifetimes are counted in units of four seconds, 16 bits (RFC 6275 §6.1.7); those of RFC 6705 §10.1 in seconds. */
const UNIT = 4000;

export const fabricMobility = z.strictObject(
  {
    auth: auth.optional().meta({ description: "default: nothing is signed, and whoever is in the fabric is believed" }),
    lifetime: span(20_000, 65_532_000, UNIT)
      .prefault("300s")
      .meta({ description: "of a binding that is not refreshed; VMs' hosts refresh at three quarters of it" }),
    grace: span(0, 600_000, 1000)
      .prefault("10s")
      .meta({ description: "how long the host that a VM has left sends on what still comes for it" }),
    heartbeat: span(1000, 600_000, 1000)
      .prefault("5s")
      .meta({ description: "between heartbeats to hypervisors that bindings are held with (RFC 5847)" }),
    idle: span(5000, 3_600_000, 1000)
      .prefault("30s")
      .meta({ description: "after so long without a packet a hypervisor forgets where another's VM is" }),
    bindings: whole(1024, 4194304)
      .default(131072)
      .meta({ description: "addresses whose whereabouts a router has room for; about 100 octets each" }),
    correspondents: whole(1, 65535).default(1024).meta({
      description: "hypervisors that a VM's home tells of its moves; others ask again when their time is over",
    }),
  },
  { error: "a mapping with auth, lifetime, grace, heartbeat, idle …" },
);

export const nodeMobility = z.strictObject(
  {
    record: record.optional().meta({ description: "record all that mobility's core is told. Keys are in it" }),
  },
  { error: "a mapping with record" },
);
