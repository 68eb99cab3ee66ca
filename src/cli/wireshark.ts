/** What docs/wireshark/ain.lua has to know of a fabric, as Lua: names and prefixes. The fabric's key is none of it. */
import { toHex } from "#base/bytes";
import type { Fabric } from "#router/config/model";

export function wiresharkConfig({ name, prefixes, tenantBits, homes, networks }: Fabric): string {
  return [
    `-- fabric ${comment(name)}, for docs/wireshark/ain.lua; made by ain check --wireshark`,
    "return {",
    `  name = ${quoted(name)},`,
    `  tenantBits = ${tenantBits},`,
    "  prefixes = {",
    ...prefixes.map(({ address, length }) => `    { octets = "${toHex(address)}", length = ${length} },`),
    "  },",
    "  homes = {",
    ...homes.map(({ prefix: { address, length }, hypervisor }) => {
      const owner = hypervisor === undefined ? "" : `, hypervisor = ${quoted(hypervisor)}`;
      return `    { octets = "${toHex(address)}", length = ${length}${owner} },`;
    }),
    "  },",
    "  networks = {",
    ...networks.map((network) => `    [0x${network.tags.toString(16).padStart(8, "0")}] = ${quoted(network.name)},`),
    "  },",
    "}",
  ].join("\n");
}

/** A Lua string; what is no printable ASCII by its octets (Lua 5.2 §3.1). */
const quoted = (text: string): string =>
  `"${[...new TextEncoder().encode(text)]
    .map((octet) =>
      octet < 0x20 || octet > 0x7e || octet === 0x22 || octet === 0x5c
        ? `\\${octet.toString().padStart(3, "0")}`
        : String.fromCharCode(octet),
    )
    .join("")}"`;

const comment = (text: string): string => text.replaceAll(/[\r\n]/g, " ");
