/** How a command ends. */

export const OK = 0;
/** What was asked for did not work. */
export const FAILED = 1;
/** The command line or a configuration file is wrong. */
export const MISUSED = 2;

/** Ends a command; the message is for the operator as it is, and may be empty when all has been said. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly exitCode: number;

  constructor(message: string, exitCode: number = FAILED) {
    super(message);
    this.exitCode = exitCode;
  }
}
