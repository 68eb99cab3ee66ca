/** A short iperf3 between two VMs, second by second. */
import { spawn } from "node:child_process";
import { inNamespace } from "#sys/namespace";

export interface Stream {
  readonly client: string;
  readonly server: string;
  /** Address of the server's VM. */
  readonly to: string;
  readonly seconds: number;
}

/** Calls `tell` with each second's Gbit/s; resolves with the mean, undefined when iperf3 did not run to its end. */
export async function measureThroughput(
  stream: Stream,
  tell: (second: number, gbits: number) => void,
): Promise<number | undefined> {
  const server = inNamespace(stream.server, () =>
    spawn("iperf3", ["-s", "-1", "--forceflush"], { stdio: ["ignore", "pipe", "ignore"] }),
  );
  try {
    await new Promise<void>((resolve, reject) => {
      server.stdout.once("data", () => resolve()); // "Server listening …"
      server.once("error", reject);
      server.once("close", () => resolve());
    });
    return await runClient(stream, tell);
  } catch {
    return undefined; // iperf3 is not there
  } finally {
    server.kill();
  }
}

async function runClient(
  { client, to, seconds }: Stream,
  tell: (second: number, gbits: number) => void,
): Promise<number | undefined> {
  const words = ["-c", to, "-t", `${seconds}`, "-i", "1", "-f", "m", "--forceflush", "--connect-timeout", "3000"];
  const child = inNamespace(client, () => spawn("iperf3", words, { stdio: ["ignore", "pipe", "ignore"] }));
  const rates: number[] = [];
  let rest = "";
  child.stdout.on("data", (chunk) => {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      // [  5]   0.00-1.00   sec   812 MBytes  6811 Mbits/sec   12   1.02 MBytes
      const rate = /([\d.]+) Mbits\/sec/.exec(line)?.[1];
      if (rate === undefined || /sender|receiver/.test(line) || rates.length >= seconds) continue;
      rates.push(Number(rate) / 1000);
      tell(rates.length, rates.at(-1)!);
    }
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("close", resolve);
    child.once("error", reject);
  });
  return code === 0 && rates.length > 0 ? rates.reduce((sum, rate) => sum + rate, 0) / rates.length : undefined;
}
