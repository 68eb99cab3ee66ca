/**
 * What a VM may read of itself at 169.254.169.254: the names and forms of EC2's metadata that cloud-init's Ec2 source reads,
 * and the three files of its NoCloud source. A document is looked up by the asking VM; there is no way to name another.
 */

/** What is known of one VM. */
export interface VmMetadata {
  readonly instanceId: string;
  /** With its domain, where its network has one. */
  readonly hostname: string;
  /** Dotted quad. */
  readonly ipv4: string;
  /** Absent: there is none. */
  readonly userData?: Uint8Array;
}

export interface Document {
  /** Its media type. */
  readonly type: string;
  readonly body: Uint8Array;
}

/** Versions of EC2's tree: all alike here. cloud-init asks for the older one. */
const VERSIONS = ["2009-04-04", "latest"];
const TEXT = "text/plain; charset=utf-8";
const OCTETS = "application/octet-stream";

type Node = Document | { readonly [name: string]: Node };

const isDocument = (node: Node): node is Document => node.body instanceof Uint8Array;
const text = (content: string): Document => ({ type: TEXT, body: new TextEncoder().encode(content) });

/** The document at `path`, or the list of a folder; undefined: there is none. Slashes at the end make no difference. */
export function documentAt(path: string, vm: VmMetadata): Document | undefined {
  let node: Node = treeOf(vm);
  for (const name of path.split("/").filter((part) => part !== "")) {
    if (isDocument(node) || !Object.hasOwn(node, name)) return undefined;
    node = node[name]!;
  }
  return isDocument(node) ? node : text(listOf(node));
}

/** One name a line, folders with a slash behind theirs. */
const listOf = (folder: { readonly [name: string]: Node }): string =>
  Object.entries(folder)
    .map(([name, node]) => (isDocument(node) ? name : `${name}/`))
    .join("\n");

function treeOf(vm: VmMetadata): { readonly [name: string]: Node } {
  const { instanceId, hostname, ipv4, userData } = vm;
  const data: Document | undefined = userData && { type: OCTETS, body: userData };
  const ec2 = {
    "meta-data": {
      hostname: text(hostname),
      "instance-id": text(instanceId),
      "local-hostname": text(hostname),
      "local-ipv4": text(ipv4),
    },
    ...(data && { "user-data": data }),
  };
  return {
    ...Object.fromEntries(VERSIONS.map((version) => [version, ec2])),
    nocloud: {
      "meta-data": text(`instance-id: ${JSON.stringify(instanceId)}\nlocal-hostname: ${JSON.stringify(hostname)}\n`),
      "user-data": data ?? text(""), // NoCloud wants the file
      "vendor-data": text(""),
    },
  };
}
