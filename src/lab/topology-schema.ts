/** containerlab's topology file, as far as network namespaces can stand for containers. */
import { z } from "zod";
import { interfaceName, macAddress, whole } from "#runtime/document/scalars";

const NAME = "letters, digits, dots, dashes and underscores, beginning with a letter or digit";
const name = z.string({ error: NAME }).regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, { error: NAME });
const text = z.string({ error: "text" });
const value = z
  .union([z.string(), z.number(), z.boolean()], { error: "text, a number, true or false" })
  .transform(String);
const map = z.record(z.string(), value, { error: "a mapping of names to values" });
const MTU = whole(68, 65535);

/** What a node, a group, a kind or the defaults may say; other keys of containerlab's are in {@link IGNORED_KEYS}. */
export const nodeSection = z
  .looseObject(
    {
      kind: text,
      group: text,
      exec: z.array(text, { error: "a list of commands" }),
      env: map,
      labels: map,
      sysctls: map,
      binds: z.array(text, { error: "a list of binds" }),
    },
    { error: "a mapping" },
  )
  .partial()
  .nullable();

export type NodeSection = NonNullable<z.output<typeof nodeSection>>;

/** Kept out of the notes: nobody expects a namespace to have it, or miss it (its programs may do all that root may). */
export const IMAGE_KEYS = [
  ...["image", "image-pull-policy", "runtime", "type", "mgmt-ipv4", "mgmt-ipv6", "network-mode"],
  ...["privileged", "cap-add", "devices", "security-opts"],
];

/** Settings of containers that a namespace has no counterpart for. */
export const IGNORED_KEYS: readonly string[] = [
  ...IMAGE_KEYS,
  ...["aliases", "auto-remove", "certificate", "cgroup-parent", "cgroupns-mode", "cmd", "components"],
  ...["config", "cpu", "cpu-set", "credentials", "dns", "enforce-startup-config", "entrypoint", "env-files"],
  ...["extras", "healthcheck", "hostname", "license", "link-apply-mode", "memory", "pid-mode", "ports"],
  ...["restart-policy", "shm-size", "stages", "startup-config", "startup-delay"],
  ...["suppress-startup-config", "tmpfs", "user", "volumes"],
];

const END = 'an endpoint such as "node:eth1"';
const shortEnd = z
  .string({ error: END })
  .regex(/^[^:]+:[^:]+$/, { error: END })
  .transform((end) => ({ node: end.slice(0, end.indexOf(":")), interface: end.slice(end.indexOf(":") + 1) }));
const longEnd = z.strictObject(
  {
    node: text,
    interface: interfaceName,
    mac: macAddress.optional(),
    ipv4: z.unknown().optional(),
    ipv6: z.unknown().optional(),
    vars: z.unknown().optional(),
  },
  { error: END },
);

const TWO = "two endpoints";
const VETH = "veth (the one type of link a lab of namespaces has)";
export const link = z.strictObject(
  {
    type: z.literal("veth", { error: VETH }).optional(),
    endpoints: z.array(z.union([shortEnd, longEnd], { error: END }), { error: TWO }).length(2, { error: TWO }),
    mtu: MTU.optional(),
    ipv4: z.unknown().optional(),
    ipv6: z.unknown().optional(),
    vars: z.unknown().optional(),
    labels: z.unknown().optional(),
  },
  { error: "a mapping with endpoints" },
);

/** The file's outline; what stands in the sections is read one by one, so that every error shows. */
export const outline = z.strictObject(
  {
    name,
    prefix: text.optional(),
    mgmt: z.unknown().optional(),
    settings: z.unknown().optional(),
    topology: z.strictObject(
      {
        nodes: z.record(name, z.unknown(), { error: "a mapping of node names to nodes" }),
        links: z.array(z.unknown(), { error: "a list of links" }).nullable().optional(),
        kinds: z.record(z.string(), z.unknown(), { error: "a mapping of kinds" }).optional(),
        groups: z.record(z.string(), z.unknown(), { error: "a mapping of groups" }).optional(),
        defaults: z.unknown().optional(),
      },
      { error: "a mapping with nodes and links" },
    ),
  },
  { error: "a containerlab topology: a mapping with name and topology" },
);
