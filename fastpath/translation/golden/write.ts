/** `bin/bun fastpath/translation/golden/write.ts`: writes every case's captures anew, and removes those of cases that are gone. */
import { readdirSync, unlinkSync, writeFileSync } from "node:fs";
import { CASES } from "./cases";
import { capturesOf, pathsOf } from "./frames";

for (const file of readdirSync(import.meta.dir)) {
  if (file.endsWith(".pcap")) unlinkSync(`${import.meta.dir}/${file}`);
}
for (const golden of CASES) {
  const { input, output } = capturesOf(golden);
  const paths = pathsOf(golden);
  writeFileSync(paths.input, input);
  writeFileSync(paths.output, output);
}
console.log(`${CASES.length} cases written to ${import.meta.dir}`);
