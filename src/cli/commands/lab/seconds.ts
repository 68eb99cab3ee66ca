/** How the lab commands read a time. */
import { InvalidArgumentError } from "commander";

/** Throws InvalidArgumentError for what is no number above 0. */
export function seconds(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError("expected a number of seconds above 0.");
}
