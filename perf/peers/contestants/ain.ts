/**
 * AIN on both hypervisors, full pipeline, as `ain run` starts it for everybody. VMs attached by veth, as containers are,
 * and by TAP, as virtual machines are; each at home, and each away: at the other's home, so that all goes by GRE from
 * hypervisor to hypervisor.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatIpv4, parsePrefix4 } from "#base/address";
import { fromHex } from "#base/bytes";
import { allocateNear } from "#policy/homes";
import { type Daemon, SIDES, type Side, type Topology } from "../topology";
import type { Contestant } from "./contestant";

const AIN = join(import.meta.dir, "../../../bin/ain");
const KEY = "000102030405060708090a0b0c0d0e0f";
const FABRIC_PREFIX = "2001:db8:a1::/48";
const HOME = { hvA: "2001:db8:a1:a::", hvB: "2001:db8:a1:b::" };
/** By index in the fabric's list of homes. */
const HYPERVISORS = ["hvA", "hvB"] as const;
/** A hypervisor's own address is interface identifier 1 in its prefix. */
const ownAddress = (hypervisor: Side["hypervisor"]): string => `${HOME[hypervisor]}1`;
export const POOL = "10.9.0.0/16";
const GATEWAY = "169.254.1.1";
/** Tenant 1 (22 bits) and network 1 (10 bits): fabricFile() below. */
const TAGS = (1 << 10) | 1;

type Attachment = "veth" | "tap";

interface Kind {
  readonly attachment: Attachment;
  /** True: each VM's home is the other hypervisor. */
  readonly areAway?: boolean;
  /** The operator's, as fabric.yaml has them. */
  readonly rules?: readonly string[];
}

/** A VM's address, at whichever hypervisor it is at home. */
const addressOf = ({ hypervisor, peer }: Side, { areAway = false }: Kind): string =>
  addressAt(areAway ? peer : hypervisor);

/** The first address of the pool whose home this hypervisor is. */
function addressAt(hypervisor: Side["hypervisor"]): string {
  const [key, prefix] = [fromHex(KEY), parsePrefix4(POOL)];
  if (key === undefined || prefix === undefined) throw new Error("the constants above are malformed");
  const homes = new Set([HYPERVISORS.indexOf(hypervisor)]);
  const pool = { tags: TAGS, prefixes: [prefix] };
  const [address] = allocateNear({ key, homes: HYPERVISORS }, pool, { homes, count: 1, isTaken: () => false });
  if (address === undefined) throw new Error(`no address of ${POOL} is at home on ${hypervisor}`);
  return formatIpv4(address);
}

const fabricFile = (mtu: number, rules: readonly string[]): string => `\
name: perf
key: ${KEY}
prefixes: ["${FABRIC_PREFIX}"]
homes: [${HYPERVISORS.map((each) => `"${HOME[each]}/64"`).join(", ")}]
mtu: ${mtu}
tenants:
  perf: { id: 1, networks: { one: { id: 1, prefixes: [${POOL}], gateway: ${GATEWAY} } } }
rules:
${rules.map((rule) => `  - ${rule}`).join("\n") || "  []"}
`;

function nodeFile(topology: Topology, side: Side, kind: Kind): string {
  const { vm, hypervisor, peer } = side;
  const tap = `tap: { name: vm, netns: ${topology.namespace(vm)}, rename: eth0 }`;
  const port = kind.attachment === "tap" ? tap : "interface: vm";
  return `\
name: ${hypervisor}
fabric: fabric.yaml
role: hypervisor
prefix: "${HOME[hypervisor]}/64"
socket: ${join(topology.directory, `${hypervisor}.sock`)}
uplinks: [{ interface: fabric }]
routes: [{ to: "${HOME[peer]}/64", via: [{ uplink: fabric, nextHop: "${ownAddress(peer)}" }] }]
vms: [{ name: ${vm}, network: perf/one, address: ${addressOf(side, kind)}, ${port} }]
`;
}

function startSide(topology: Topology, side: Side, kind: Kind): Daemon {
  const path = join(topology.directory, `${side.hypervisor}.yaml`);
  writeFileSync(path, nodeFile(topology, side, kind));
  return topology.daemon(side.hypervisor, [AIN, "run", path]);
}

/** The VM's interface as a cloud gives it: its own address alone, everything else through the gateway. */
async function configureVm(topology: Topology, { vm }: Side, address: string): Promise<void> {
  await topology.waitForInterface(vm, "eth0");
  topology.ip(
    vm,
    `addr add ${address}/32 dev eth0`,
    "link set eth0 up",
    `route add default via ${GATEWAY} dev eth0 onlink`,
  );
}

/** AIN with the operator's rules given, as fabric.yaml has them. */
export const ainWith = (rules: readonly string[], name: string, title: string): Contestant =>
  ain(name, title, { attachment: "veth", rules });

const ain = (name: string, title: string, kind: Kind): Contestant => ({
  ...{ name, title },
  overhead: 0, // the VMs keep 1500: AIN itself tells them what fits
  vmVeth: kind.attachment === "veth",

  async up(topology) {
    writeFileSync(join(topology.directory, "fabric.yaml"), fabricFile(topology.fabricMtu, kind.rules ?? []));
    const processes = SIDES.map((side) => startSide(topology, side, kind));
    for (const side of SIDES) await configureVm(topology, side, addressOf(side, kind));
    const [vmA, vmB] = SIDES.map((side) => addressOf(side, kind));
    return { vmA: vmA!, vmB: vmB!, processes };
  },
});

export const ainVeth = ain("ain-veth", "AIN, VMs by veth", { attachment: "veth" });
export const ainTap = ain("ain-tap", "AIN, VMs by TAP", { attachment: "tap" });
export const ainVethMoved = ain("ain-veth-moved", "AIN, moved VMs by veth", { attachment: "veth", areAway: true });
export const ainTapMoved = ain("ain-tap-moved", "AIN, moved VMs by TAP", { attachment: "tap", areAway: true });
