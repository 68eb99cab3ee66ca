/** Why something cannot be done with a VM. */
import { RouterError } from "#router/router-error";
import { type ConfigError, formatConfigError } from "#runtime/document/config-error";

/** No VM here is called that. */
export class UnknownVmError extends RouterError {
  constructor(name: string) {
    super(`no VM here is called ${name}`);
  }
}

/** The VM is not in a state in which this can be done; nothing was changed. */
export class VmStateError extends RouterError {
  constructor(name: string, found: string, expected: string) {
    super(`VM ${name}: found it ${found}, expected it ${expected}`);
  }
}

/** What was asked for contradicts itself, the fabric, or what is here; nothing was changed. */
export class VmDefinitionError extends RouterError {
  readonly errors: readonly ConfigError[];

  constructor(errors: readonly ConfigError[]) {
    super(errors.map(formatConfigError).join("\n"));
    this.errors = errors;
  }
}
