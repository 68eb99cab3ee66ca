/** What the control thread and the metadata service's thread tell each other: plain data. */
import type { VmMetadata } from "#services/metadata/documents";

export interface MetadataStart {
  /** Path of the namespace to listen in. */
  readonly namespace: string;
  /** The service's address there, as text. */
  readonly address: string;
}

export type MetadataCommand =
  /** All VMs there are, by network address. */
  | { readonly kind: "vms"; readonly vms: ReadonlyMap<string, VmMetadata> }
  /** The thread ends. */
  | { readonly kind: "stop" };

export type MetadataReport = { readonly kind: "listening" } | { readonly kind: "failed"; readonly message: string };
