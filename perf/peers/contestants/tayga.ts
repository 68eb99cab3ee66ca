/**
 * tayga on both hypervisors, each VM's IPv4 address mapped to one IPv6 address and back: the same idea as AIN's
 * (IPv6 in between, stateless translation at the edges) by an existing program in C on TUN devices.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, SIDES, type Side, type Topology } from "../topology";
import type { Contestant } from "./contestant";

const FABRIC = { hvA: "fd00:9::a", hvB: "fd00:9::b" };
const VM_NET = { hvA: "10.9.1", hvB: "10.9.2" };
const MAPPED_NET = { hvA: "fd00:9:1::", hvB: "fd00:9:2::" };

function configure(topology: Topology, { hypervisor }: Side): string {
  const path = join(topology.directory, `tayga-${hypervisor}.conf`);
  const lines = [
    "tun-device nat64",
    "ipv4-addr 192.0.0.8",
    `ipv6-addr ${MAPPED_NET[hypervisor]}64`,
    `map ${VM_NET.hvA}.2 ${MAPPED_NET.hvA}2`,
    `map ${VM_NET.hvB}.2 ${MAPPED_NET.hvB}2`,
  ];
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

function startSide(topology: Topology, side: Side): Daemon {
  const { vm, hypervisor, peer } = side;
  const configuration = configure(topology, side);
  topology.exec(hypervisor, ["sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]);
  topology.exec(hypervisor, ["tayga", "--config", configuration, "--mktun"]);
  topology.ip(
    hypervisor,
    `addr add ${VM_NET[hypervisor]}.1/24 dev vm`,
    `addr add ${FABRIC[hypervisor]}/64 dev fabric`,
    "link set nat64 up",
    `route add ${VM_NET[peer]}.0/24 dev nat64`,
    `route add ${MAPPED_NET[hypervisor]}/64 dev nat64`,
    `route add ${MAPPED_NET[peer]}/64 via ${FABRIC[peer]}`,
  );
  topology.ip(vm, `addr add ${VM_NET[hypervisor]}.2/24 dev eth0`, `route add default via ${VM_NET[hypervisor]}.1`);
  return topology.daemon(hypervisor, ["tayga", "--config", configuration, "--nodetach"]);
}

export const tayga: Contestant = {
  name: "tayga",
  title: "tayga on both sides",
  overhead: 20, // the IPv6 header is that much longer
  vmVeth: true,

  async up(topology) {
    const processes = SIDES.map((side) => startSide(topology, side));
    return { vmA: `${VM_NET.hvA}.2`, vmB: `${VM_NET.hvB}.2`, processes };
  },
};
