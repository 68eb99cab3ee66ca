/** The kernel's VXLAN over IPv6 with a bridge on each hypervisor: the VMs share one Ethernet. The yardstick of the ratios. */
import { SIDES } from "../topology";
import type { Contestant } from "./contestant";

const ENDPOINT = { hvA: "fd00:9::a", hvB: "fd00:9::b" };

export const kernelVxlan: Contestant = {
  name: "kernel-vxlan",
  title: "kernel VXLAN over IPv6",
  overhead: 70, // Ethernet 14, VXLAN 8, UDP 8, IPv6 40
  vmVeth: true,

  async up(topology) {
    for (const { hypervisor, peer } of SIDES) {
      topology.ip(
        hypervisor,
        `addr add ${ENDPOINT[hypervisor]}/64 dev fabric`,
        "link add br0 type bridge",
        `link add vxlan0 type vxlan id 42 local ${ENDPOINT[hypervisor]} remote ${ENDPOINT[peer]} dstport 4789 dev fabric`,
        "link set vxlan0 master br0 up",
        "link set vm master br0",
        "link set br0 up",
      );
    }
    topology.ip("vmA", "addr add 10.9.0.1/24 dev eth0");
    topology.ip("vmB", "addr add 10.9.0.2/24 dev eth0");
    return { vmA: "10.9.0.1", vmB: "10.9.0.2", processes: [] };
  },
};
