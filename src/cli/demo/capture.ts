/** One ping, seen twice: as the VM sends it and as the fabric carries it. Runs tcpdump on both links. */
import { spawn } from "node:child_process";
import { inNamespace } from "#sys/namespace";

export interface Tap {
  readonly namespace: string;
  readonly interface: string;
  /** A pcap filter that fits the one packet. */
  readonly filter: string;
}

const PATIENCE = 3000; // milliseconds
const LISTENING = /listening on/;

/** tcpdump's line for the first packet that fits each tap's filter, while `act` makes it happen. */
export async function captureOne(taps: readonly Tap[], act: () => Promise<void>): Promise<(string | undefined)[]> {
  const captures = taps.map(start);
  await Promise.all(captures.map(({ ready }) => ready));
  await act();
  return Promise.all(captures.map(({ line }) => line));
}

function start({ namespace, interface: name, filter }: Tap): {
  ready: Promise<void>;
  line: Promise<string | undefined>;
} {
  const child = inNamespace(namespace, () =>
    spawn("tcpdump", ["-n", "-l", "-t", "-c", "1", "-i", name, filter], { stdio: ["ignore", "pipe", "pipe"] }),
  );
  const timer = setTimeout(() => child.kill(), PATIENCE);
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += String(chunk);
  });
  const ready = new Promise<void>((resolve) => {
    child.stderr.on("data", (chunk) => {
      if (LISTENING.test(String(chunk))) resolve();
    });
    child.once("close", () => resolve());
    child.once("error", () => resolve());
  });
  const line = new Promise<string | undefined>((resolve) => {
    child.once("error", () => resolve(undefined));
    child.once("close", () => {
      clearTimeout(timer);
      resolve(text.split("\n")[0]?.trim() || undefined);
    });
  });
  return { ready, line };
}
