/** What takes part in the comparison: a way to carry IPv4 between two VMs on two hypervisors. */
import type { Daemon, Topology } from "../topology";

export interface Contestant {
  /** For `--only` and the JSON: short and stable. */
  readonly name: string;
  /** For the table and the plot. */
  readonly title: string;
  /** Octets an overlay adds to the VM's IP packet on the fabric; the VM's MTU is that much smaller than the fabric's. */
  readonly overhead: number;
  /** True: VM and hypervisor are joined by a veth pair; false: the contestant makes the VM's `eth0`. */
  readonly vmVeth: boolean;
  /** Addresses, routes and processes. The topology's close() undoes all of it. */
  up(topology: Topology): Promise<Running>;
}

export interface Running {
  /** IPv4 addresses by which the VMs reach each other. */
  readonly vmA: string;
  readonly vmB: string;
  /** The contestant's own processes, for their share of the CPU; none where the kernel does the work. */
  readonly processes: readonly Daemon[];
}
