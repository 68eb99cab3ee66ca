/** `ain`: hands the words that were typed to their command. */
import { run } from "#cli/program";

process.exitCode = await run(process.argv.slice(2));
