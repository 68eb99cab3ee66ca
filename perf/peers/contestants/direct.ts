/** No network at all: one veth pair between the VMs. What the generators themselves can do on this machine. */
import type { Contestant } from "./contestant";

export const direct: Contestant = {
  name: "direct",
  title: "one veth pair (the ceiling)",
  overhead: 0,
  vmVeth: false,

  async up(topology) {
    topology.ip("vmA", `link add eth0 mtu 1500 type veth peer name eth0 mtu 1500 netns ${topology.namespace("vmB")}`);
    topology.ip("vmA", "addr add 10.9.0.1/24 dev eth0", "link set eth0 up");
    topology.ip("vmB", "addr add 10.9.0.2/24 dev eth0", "link set eth0 up");
    return { vmA: "10.9.0.1", vmB: "10.9.0.2", processes: [] };
  },
};
