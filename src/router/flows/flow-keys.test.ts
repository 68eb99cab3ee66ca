import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { ConnectionEndRecord, SampleRecord } from "#router/flows/flow-record";

type Key = keyof ConnectionEndRecord | keyof SampleRecord;

/** Every key that a record may have; the compiler sees to it. */
const KEYS: Readonly<Record<Key, true>> = {
  ...{ time: true, event: true, node: true, tenant: true, network: true, vm: true, rule: true, protocol: true },
  ...{ sourceNetwork: true, sourceAddress: true, sourcePort: true },
  ...{ destinationNetwork: true, destinationAddress: true, destinationPort: true },
  ...{ began: true, seconds: true, state: true, packets: true, octets: true, packetsBack: true, octetsBack: true },
  ...{ sampling: true, reason: true },
};

test("docs/watching.md has every key of the flow log, and no other", () => {
  const page = readFileSync(new URL("../../../docs/watching.md", import.meta.url), "utf8");
  const table = page.slice(page.indexOf("| key | what |"));
  const told = table
    .split("\n")
    .flatMap((line) => [...(/^\| (`[^|]*`) \|/.exec(line)?.[1] ?? "").matchAll(/`(\w+)`/g)].map(([, key]) => key!));
  expect(told.toSorted()).toEqual(Object.keys(KEYS).toSorted());
});
