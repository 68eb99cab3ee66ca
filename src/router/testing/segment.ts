/** For tests: a hypervisor whose network has an Ethernet segment, with the ports of its VMs, in memory. */
import { parseIpv4, parseMac } from "#base/address";
import type { Frame } from "#fastpath/frame";
import { GroupWriter } from "#fastpath/tables/groups";
import { ENDINGS } from "#fastpath/verdicts";
import { checkFabric } from "#router/config/fabric";
import type { Configuration, Prefix } from "#router/config/model";
import { checkNode } from "#router/config/node";
import type { PortState, Ports } from "#router/ports";
import type { ServicesIo } from "#router/services-io";
import { parseSource, type Source } from "#runtime/document/source";

export const GATEWAY_MAC = parseMac("02:41:49:4e:00:01")!;

function source(file: string, text: string): Source {
  const result = parseSource(file, text);
  if ("errors" in result) throw new Error("bad YAML in a test");
  return result.source;
}

export const SEGMENT = ", gateway: 10.0.0.1, broadcast: {prefix: 10.0.0.0/24}";

/** VMs a and b on the segment of blue/prod, c in the network beside it, d in another one. `network`: of blue/prod. */
export function configuration(network = SEGMENT): Configuration {
  const fabric = `name: demo
key: 000102030405060708090a0b0c0d0e0f
prefixes: [2001:db8:a1::/48]
homes: [2001:db8:a1:1::/64]
mtu: 1500
tenants:
  blue: {id: 1, networks: {prod: {id: 1, prefixes: [10.0.0.0/16]${network}}, dev: {id: 2, prefixes: [10.0.0.0/16]}}}
`;
  const node = `name: hv1
fabric: fabric.yaml
role: hypervisor
prefix: 2001:db8:a1:1::/64
vms:
  - {name: a, network: blue/prod, address: 10.0.0.2, ipv6: "2001:db8:a1:1:0:401::2", mac: "02:00:00:00:00:02", interface: a}
  - {name: b, network: blue/prod, address: 10.0.0.3, mac: "02:00:00:00:00:03", interface: b}
  - {name: c, network: blue/prod, address: 10.0.1.4, mac: "02:00:00:00:00:04", interface: c}
  - {name: d, network: blue/dev, address: 10.0.0.5, mac: "02:00:00:00:00:05", interface: d}
`;
  const result = checkNode(source("node.yaml", node), checkFabric(source("fabric.yaml", fabric)));
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result;
}

/** One open port for each VM, with indexes from 1 on. */
export function portsOf({ node }: Configuration): Ports {
  const common = { kind: "vm", attachment: "packet", trouble: undefined, mac: GATEWAY_MAC, mtu: 1500 } as const;
  const all = node.vms.map((vm, i): [number, PortState] => [
    i + 1,
    { ...common, index: i + 1, name: vm.name, interface: vm.name, interfaceIndex: i, descriptors: [], vm },
  ]);
  return { all: new Map(all) } as Pick<Ports, "all"> as Ports;
}

/** What the services do to the data path, kept. */
export class SegmentIo implements ServicesIo {
  readonly groups = new GroupWriter(1);
  sent: { port: number; octets: Uint8Array }[] = [];
  lostFrames: string[] = [];

  changed(): void {}

  inject(frame: Frame, octets: Uint8Array): boolean {
    this.sent.push({ port: frame.port, octets });
    return true;
  }

  lost(port: number, ending: number): void {
    this.lostFrames.push(`${port} ${ENDINGS[ending]!.name}`);
  }

  took(): { port: number; octets: Uint8Array }[] {
    const { sent } = this;
    this.sent = [];
    return sent;
  }
}

/** `10.0.0.0/24`, as a configuration has it. */
export function prefixOf(text: string): Prefix {
  const [address = "", length] = text.split("/");
  return { text, address: parseIpv4(address)!, length: Number(length) };
}
