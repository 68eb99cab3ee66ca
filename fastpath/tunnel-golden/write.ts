/** `bin/bun fastpath/tunnel-golden/write.ts`: writes every case's captures anew, and removes those of cases that are gone. */
import { readdirSync, unlinkSync, writeFileSync } from "node:fs";
import { capturesOf, pathsOf } from "./captures";
import { CASES } from "./cases";

for (const file of readdirSync(import.meta.dir)) {
  if (file.endsWith(".pcap")) unlinkSync(`${import.meta.dir}/${file}`);
}
for (const each of CASES) {
  const { input, output } = capturesOf(each);
  const paths = pathsOf(each);
  writeFileSync(paths.input, input);
  writeFileSync(paths.output, output);
}
console.log(`${CASES.length} cases written to ${import.meta.dir}`);
