/** AIN as a router of a test network: its node.yaml. */
import { stringify } from "yaml";
import { KEY } from "../test-lab";
import { type AreaSpec, type Attachment, BACKBONE, type ExternalSpec, type RouterSpec } from "./spec";

/** Of all AIN routers of a network. */
export const AIN_FABRIC = `name: peers\nkey: ${KEY}\nprefixes: ["2001:db8::/32"]\nhomes: ["2001:db8:1:1::/64"]\n`;

/** Where the key of an interface lies, beside node.yaml. */
export const keyFile = ({ router, name }: Attachment): string => `${router}.${name}.key`;

/** A switch: it has an address of its own in any case, `own` or this. */
export function ainConfig(name: string, router: RouterSpec, attachments: readonly Attachment[]): string {
  const { id, own, areas = {}, external = [] } = router;
  const area = own?.area ?? attachments[0]?.area ?? BACKBONE;
  return stringify({
    name,
    fabric: "./fabric.yaml",
    role: "switch",
    address: own?.address ?? `2001:db8:ff::${id.replaceAll(".", "")}`,
    uplinks: attachments.map(({ name: uplink, mtu }) => ({ interface: uplink, ...(mtu !== undefined && { mtu }) })),
    routes: external.filter(({ prefix }) => prefix !== "::/0").map(({ prefix }) => ({ to: prefix, discard: true })),
    ospf: {
      routerId: id,
      area,
      areas: Object.fromEntries(Object.entries(areas).map(([key, settings]) => [key, areaYaml(settings)])),
      defaults: { retransmit: "1s" },
      interfaces: Object.fromEntries(attachments.map((one) => [one.name, interfaceYaml(one)])),
      redistribute: redistributed(external),
      gracefulRestart: { helper: router.helper ?? true },
    },
  });
}

const areaYaml = ({ kind, summaries, defaultCost, ranges }: AreaSpec): object => ({
  kind,
  ...(summaries === false && { summaries }),
  ...(defaultCost !== undefined && { defaultCost }),
  ...(ranges !== undefined && { ranges }),
});

function interfaceYaml(it: Attachment): object {
  return {
    area: it.area,
    kind: it.broadcast ? "broadcast" : "point-to-point",
    cost: it.cost,
    priority: it.priority,
    hello: `${it.hello}s`,
    dead: `${it.dead}s`,
    ...(it.address !== undefined && { prefixes: [linkPrefix(it.address)] }),
    ...(it.mtuIgnore && { mtuIgnore: true }),
    ...(it.instance !== undefined && { instance: it.instance }),
    ...(it.bfd && { bfd: true }),
    ...(it.key && { auth: { keys: [{ id: it.key.id, secretFile: keyFile(it) }] } }),
  };
}

/** `2001:db8::1/64` → `2001:db8::/64`: tests have links of /64 only, with addresses that end in `::x`. */
const linkPrefix = (address: string): string => address.replace(/::[0-9a-f]*\/64$/, "::/64");

/** AIN has one metric for all static routes, and one for the default. */
function redistributed(external: readonly ExternalSpec[]): object {
  const of = (isDefault: boolean): object | undefined => {
    const [first, ...others] = external.filter(({ prefix }) => (prefix === "::/0") === isDefault);
    if (first === undefined) return undefined;
    const { metric, type: metricType } = first;
    if (others.some((one) => one.metric !== metric || one.type !== metricType)) {
      throw new Error("AIN has one metric for all its static routes");
    }
    return { metric, metricType, ...(isDefault && { always: true }) };
  };
  const [fixed, everything] = [of(false), of(true)];
  return { ...(fixed && { static: fixed }), ...(everything && { default: everything }) };
}
