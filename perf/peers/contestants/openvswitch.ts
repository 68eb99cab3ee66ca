/**
 * Open vSwitch with its userspace datapath and VXLAN over IPv6, one ovs-vswitchd a hypervisor, each with its own
 * database and sockets: the host's own Open vSwitch, if any, is not touched.
 *
 * ```
 *   vm ── br-int ── vxlan0 ⇢ (tunnel endpoint is br-phy's address) ⇢ br-phy ── fabric
 * ```
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, SIDES, type Side, type Topology } from "../topology";
import type { Contestant } from "./contestant";

const ENDPOINT = { hvA: "fd00:9::a", hvB: "fd00:9::b" };
const SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";
const SOCKET_WAIT = 5000; // ms

async function startDatabase(topology: Topology, node: Side["hypervisor"], directory: string): Promise<string> {
  const database = join(directory, "conf.db");
  const socket = join(directory, "db.sock");
  topology.exec(node, ["ovsdb-tool", "create", database, SCHEMA]);
  topology.daemon(node, ["ovsdb-server", database, `--remote=punix:${socket}`, `--unixctl=${directory}/ovsdb.ctl`]);
  for (const deadline = Date.now() + SOCKET_WAIT; !existsSync(socket); await Bun.sleep(10)) {
    if (Date.now() > deadline) throw new Error(`ovsdb-server did not open ${socket}`);
  }
  return `unix:${socket}`;
}

async function startSide(topology: Topology, { vm, hypervisor, peer }: Side): Promise<Daemon> {
  const directory = join(topology.directory, `ovs-${hypervisor}`);
  mkdirSync(directory);
  const database = await startDatabase(topology, hypervisor, directory);
  const vsctl = (...words: string[]) =>
    topology.exec(hypervisor, ["ovs-vsctl", `--db=${database}`, "--timeout=10", ...words]);
  vsctl("--no-wait", "init");
  const daemon = topology.daemon(
    hypervisor,
    ["ovs-vswitchd", database, "--disable-system", `--unixctl=${directory}/vswitchd.ctl`, "-vsyslog:off"],
    { OVS_RUNDIR: directory, OVS_LOGDIR: directory, OVS_DBDIR: directory },
  );
  vsctl("add-br", "br-phy", "--", "set", "bridge", "br-phy", "datapath_type=netdev", "fail-mode=standalone");
  vsctl("add-port", "br-phy", "fabric");
  vsctl("add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=netdev", "fail-mode=standalone");
  vsctl("add-port", "br-int", "vm");
  const tunnel = ["type=vxlan", `options:remote_ip=${ENDPOINT[peer]}`, "options:key=42", "options:dst_port=4789"];
  vsctl("add-port", "br-int", "vxlan0", "--", "set", "interface", "vxlan0", ...tunnel);
  topology.ip(hypervisor, `addr add ${ENDPOINT[hypervisor]}/64 dev br-phy`, "link set br-phy up");
  // The userspace datapath hands on octets only: a checksum left to the network card would never be finished.
  topology.exec(vm, ["ethtool", "-K", "eth0", "tx", "off"]);
  return daemon;
}

export const openVswitch: Contestant = {
  name: "ovs",
  title: "Open vSwitch userspace, VXLAN",
  overhead: 70, // Ethernet 14, VXLAN 8, UDP 8, IPv6 40
  vmVeth: true,

  async up(topology) {
    topology.ip("vmA", "addr add 10.9.0.1/24 dev eth0");
    topology.ip("vmB", "addr add 10.9.0.2/24 dev eth0");
    const processes: Daemon[] = [];
    for (const side of SIDES) processes.push(await startSide(topology, side));
    return { vmA: "10.9.0.1", vmB: "10.9.0.2", processes };
  },
};
