/** The kernel forwards IPv4 from VM to VM: no overlay, no tenants, the plainest a hypervisor can do. */
import { SIDES } from "../topology";
import type { Contestant } from "./contestant";

const FABRIC = { hvA: "10.9.0.1", hvB: "10.9.0.2" };
const VM_NET = { hvA: "10.9.1", hvB: "10.9.2" };

export const kernelRouting: Contestant = {
  name: "kernel-ipv4",
  title: "kernel IPv4 routing",
  overhead: 0,
  vmVeth: true,

  async up(topology) {
    for (const { vm, hypervisor, peer } of SIDES) {
      topology.exec(hypervisor, ["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
      topology.ip(
        hypervisor,
        `addr add ${FABRIC[hypervisor]}/30 dev fabric`,
        `addr add ${VM_NET[hypervisor]}.1/24 dev vm`,
        `route add ${VM_NET[peer]}.0/24 via ${FABRIC[peer]}`,
      );
      const gateway = `${VM_NET[hypervisor]}.1`;
      topology.ip(vm, `addr add ${VM_NET[hypervisor]}.2/24 dev eth0`, `route add default via ${gateway}`);
    }
    return { vmA: `${VM_NET.hvA}.2`, vmB: `${VM_NET.hvB}.2`, processes: [] };
  },
};
