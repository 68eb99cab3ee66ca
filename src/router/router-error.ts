/** The router cannot do what was asked: the message is for the operator as it is. */
export class RouterError extends Error {
  override readonly name = "RouterError";
}
