/** The metadata service as the control thread sees it: its port's adjacency, its thread, and what it knows of the VMs. */
import { Worker } from "node:worker_threads";
import { formatIpv6 } from "#base/address";
import { networkAddress } from "#policy/homes";
import type { Configuration, Vm, VmIpv4 } from "#router/config/model";
import type { Log } from "#router/log";
import type { MetadataCommand, MetadataReport, MetadataStart } from "#router/metadata/metadata-messages";
import type { PortState } from "#router/ports";
import type { ServicesIo } from "#router/services-io";
import { threadProgram } from "#runtime/program";
import type { VmMetadata } from "#services/metadata/documents";

const METADATA = Uint8Array.of(169, 254, 169, 254);
/** Milliseconds before a thread that ended by itself is started again, and those that its end is waited for. */
const RESTART = 1000;
const PATIENCE = 2000;

/** The service's address on a router: tags 0, behind the router's own home prefix. */
export const serviceAddress = (router: Uint8Array): Uint8Array => networkAddress(router, 0, METADATA);

/** True when there is a VM that may ask: the service has an IPv4 address only. */
export const wantsMetadata = ({ node }: Configuration): boolean =>
  node.vms.some(({ network, ipv4 }) => network.metadata && ipv4 !== undefined);

export class MetadataService {
  private readonly io: ServicesIo;
  private readonly log: Log;
  private readonly address: Uint8Array;
  private readonly gatewayMac: Uint8Array;
  private adjacency = 0;
  private port: PortState | undefined;
  private worker: Worker | undefined;
  private restart: Timer | undefined;
  private told: Configuration | undefined;
  private vms: ReadonlyMap<string, VmMetadata> = new Map();
  /** The forwarding tables' value for the service; 0: it is not there. */
  group = 0;

  /** `router`: the router's own address. */
  constructor(io: ServicesIo, log: Log, router: Uint8Array, gatewayMac: Uint8Array) {
    this.io = io;
    this.log = log;
    this.address = serviceAddress(router);
    this.gatewayMac = gatewayMac;
  }

  /** The port is open: VMs' packets go there, and somebody listens. */
  opened(port: PortState): void {
    const { groups } = this.io;
    this.port = port;
    if (this.group === 0) {
      this.adjacency = groups.add({ port: port.index, mtu: port.mtu, ownMac: this.gatewayMac });
      this.group = groups.groupFor([{ adjacency: this.adjacency, weight: 1, key: "metadata" }], 0);
    }
    groups.rebind(this.adjacency, port.mtu, this.gatewayMac);
    groups.set(this.adjacency, port.service!.mac);
    this.listen();
  }

  closed(): void {
    this.io.groups.set(this.adjacency, "failed");
    this.port = undefined;
    void this.stop();
  }

  /** Tells the service of the VMs that there are now; costs nothing for what it was told already. */
  refresh(configuration: Configuration): void {
    if (configuration === this.told) return;
    this.told = configuration;
    const { node } = configuration;
    this.vms = new Map(
      node.vms.flatMap((vm) =>
        vm.ipv4 !== undefined && vm.network.metadata ? [[vm.ipv4.networkAddress.text, metadataOf(vm, vm.ipv4)]] : [],
      ),
    );
    this.tell();
  }

  /** Resolves when its thread has ended. */
  async stop(): Promise<void> {
    clearTimeout(this.restart);
    const { worker } = this;
    this.worker = undefined;
    if (worker === undefined) return;
    const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
    post(worker, { kind: "stop" });
    const { promise: tooLate, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, PATIENCE);
    await Promise.race([ended, tooLate]);
    clearTimeout(timer);
  }

  private listen(): void {
    const start: MetadataStart = { namespace: this.port!.service!.path, address: formatIpv6(this.address) };
    const worker = new Worker(threadProgram("src/router/metadata/metadata-worker.ts"), { workerData: start });
    this.worker = worker;
    worker.on("message", (report: MetadataReport) => {
      if (report.kind === "failed") this.log.error(`metadata service: ${report.message}`, "metadata");
    });
    worker.on("error", (error: Error) =>
      this.log.error(`metadata service: ${error.stack ?? error.message}`, "metadata"),
    );
    worker.on("exit", () => {
      if (this.worker !== worker) return;
      this.worker = undefined;
      this.log.error("metadata service: its thread ended; it is started again", "metadata");
      this.restart = setTimeout(() => this.port !== undefined && this.listen(), RESTART);
    });
    this.tell();
  }

  private tell(): void {
    if (this.worker !== undefined) post(this.worker, { kind: "vms", vms: this.vms });
  }
}

const post = (worker: Worker, command: MetadataCommand): void => worker.postMessage(command);

const metadataOf = ({ instanceId, hostname, network, userData }: Vm, { address }: VmIpv4): VmMetadata => ({
  instanceId,
  hostname: network.dhcp?.domain === undefined ? hostname : `${hostname}.${network.dhcp.domain}`,
  ipv4: address.text,
  ...(userData !== undefined && { userData }),
});
