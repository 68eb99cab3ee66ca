/** A lab cannot be built, found or taken down; the message is for the operator as it is. */
export class LabError extends Error {
  override readonly name = "LabError";
}
