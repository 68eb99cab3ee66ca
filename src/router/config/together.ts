/** What several nodes of one fabric may not have in common. */
import { formatIpv4 } from "#base/address";
import { formatRouterId } from "#ospf/text";
import type { Configuration, Fabric, Node } from "#router/config/model";
import { addressesOf } from "#router/config/outside-link";
import { type ConfigError, formatPath, type Path } from "#runtime/document/config-error";
import { isMapping } from "#runtime/document/inspector";
import { readSource } from "#runtime/document/source";

/** Something of a node that belongs to it alone. */
interface Claim {
  readonly what: string;
  readonly path: Path;
  readonly expected: string;
}

/**
 * Two nodes of one fabric with the same name, address, home prefix, OSPF router id or VM's address: an error at the later
 * of the two. Reads the files again, to say where.
 */
export function checkTogether(configurations: readonly Configuration[]): ConfigError[] {
  const owners = new Map<string, Node>();
  return configurations.flatMap(({ node, fabric }) =>
    claimsOf(node, fabric).flatMap((claim) => {
      const key = `${fabric.file} ${claim.what}`;
      const owner = owners.get(key) ?? node;
      owners.set(key, owner);
      return owner.file === node.file ? [] : [conflict(node, claim, owner)];
    }),
  );
}

function claimsOf(node: Node, fabric: Fabric): Claim[] {
  const name: Claim = { what: `the name ${node.name}`, path: ["name"], expected: "a name that no other node has" };
  return [name, ...placeClaims(node, fabric), ...ospfClaims(node), ...outsideClaims(node), ...vmClaims(node)];
}

/** A VM may run anywhere, and only in one place. */
const vmClaims = ({ vms }: Node): Claim[] =>
  vms.flatMap(({ network, ipv4, ipv6 }, i) => {
    const claim = (text: string, path: Path): Claim => ({
      ...{ what: `the address ${text} in ${network.name}`, path: ["vms", i, ...path] },
      expected: "an address that no VM of another node has",
    });
    return [
      ...(ipv4 === undefined ? [] : [claim(ipv4.address.text, ["address"])]),
      ...ipv6.map(({ text }, j) => claim(text, ["ipv6", j])),
    ];
  });

function ospfClaims({ ospf }: Node): Claim[] {
  if (ospf === undefined) return [];
  const what = `the OSPF router id ${formatRouterId(ospf.config.routerId)}`;
  return [{ what, path: ["ospf", "routerId"], expected: "a router id that no other node has" }];
}

/** Answers to what a NAT address sent come back to the gateway that has it: it is one gateway's. */
function outsideClaims({ outside }: Node): Claim[] {
  if (outside === undefined) return [];
  const own = { path: ["outside", "address"], expected: "an address that no other gateway has" };
  return [
    { what: `the outside address ${outside.address.text}`, ...own },
    ...outside.pool.flatMap((prefix, i) =>
      addressesOf(prefix).map((address): Claim => {
        const expected = "NAT addresses that no other gateway has";
        return { what: `the NAT address ${formatIpv4(address)}`, path: ["outside", "pool", i], expected };
      }),
    ),
  ];
}

function placeClaims(node: Node, fabric: Fabric): Claim[] {
  if (node.role !== "hypervisor") {
    const what = `the address ${node.address.text}`;
    return [{ what, path: ["address"], expected: "an address that no other node has" }];
  }
  const expected = "a home that no other node owns";
  return node.homes.map((home, i): Claim => {
    return { what: `the home prefix ${fabric.homes[home]!.prefix.text}`, path: ["prefixes", i], expected };
  });
}

function conflict(node: Node, { what, path, expected }: Claim, owner: Node): ConfigError {
  const result = readSource(node.file);
  const source = "source" in result ? result.source : undefined;
  const at = path[0] === "prefixes" && isMapping(source?.value) && "prefix" in source.value ? ["prefix"] : path;
  const place = source?.locate(at) ?? { line: 0, column: 0 };
  return { file: node.file, ...place, path: formatPath(at), found: `${what}, as in ${owner.file}`, expected };
}
