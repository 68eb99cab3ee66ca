/** The fabric that a command is about, and what is named in it. */
import { Failure, MISUSED } from "#cli/failure";
import { printError } from "#cli/output";
import { loadFabric } from "#router/config/fabric";
import type { Fabric, Network } from "#router/config/model";
import { closest } from "#runtime/document/closest";
import { formatConfigError } from "#runtime/document/config-error";

export const FABRIC_OPTION = ["-f, --fabric <file>", "the fabric's file", "fabric.yaml"] as const;

/** Throws Failure when the file is not right, having said why. */
export function fabricOf(file: string): Fabric {
  const result = loadFabric(file);
  if (result.ok) return result.fabric;
  for (const error of result.errors) printError(formatConfigError(error));
  throw new Failure("", MISUSED);
}

/** Throws Failure when it has no such network. */
export function networkOf(fabric: Fabric, name: string): Network {
  const names = fabric.networks.map((network) => network.name);
  const network = fabric.networks[names.indexOf(name)];
  if (network !== undefined) return network;
  const meant = closest(name, names);
  const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
  const known = names.join(", ") || "none";
  throw new Failure(`${fabric.file} has no network "${name}" (it has ${known})${hint}`, MISUSED);
}
