/** How a command ends. */

export const OK = 0;
/** The answer is no, or what was asked for did not work. */
export const FAILED = 1;
/** The command line or a file that it names is wrong. */
export const MISUSED = 2;
/** No router answers. */
export const UNREACHABLE = 3;
/** The router answers, and refuses. */
export const REFUSED = 4;
/** The operating system does not let it. */
export const DENIED = 5;
/** A fault of AIN's own (EX_SOFTWARE of sysexits.h). */
export const DEFECT = 70;
/** By Ctrl-C, as shells count it. */
export const INTERRUPTED = 130;

/** All of them, for the reference. */
export const EXIT_STATUSES: readonly { readonly status: number; readonly meaning: string }[] = [
  { status: OK, meaning: "done; the answer is yes" },
  { status: FAILED, meaning: "the answer is no, or what was asked for did not work" },
  { status: MISUSED, meaning: "the command line or a file that it names is wrong; nothing was changed" },
  { status: UNREACHABLE, meaning: "no router answers: none runs there, or it has no time" },
  { status: REFUSED, meaning: "the router refused: it knows no such thing, or its state does not allow it" },
  { status: DENIED, meaning: "the operating system refused: no root, a system call that failed" },
  { status: DEFECT, meaning: "a fault of AIN's own, with what is needed to report it" },
  { status: INTERRUPTED, meaning: "ended by Ctrl-C" },
];

/** Ends a command; the message is for the operator as it is, and may be empty when all has been said. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly exitCode: number;

  constructor(message: string, exitCode: number = FAILED) {
    super(message);
    this.exitCode = exitCode;
  }
}
