/** `ain demo`. */
import { Argument, Command } from "commander";
import { mobility } from "#cli/demo/mobility";
import { podFabric } from "#cli/demo/pod-fabric";
import { quickstart } from "#cli/demo/quickstart";
import { requireRoot } from "#cli/lab-target";

const DEMOS = { quickstart, "pod-fabric": podFabric, mobility };

export const demoCommand = (): Command =>
  new Command("demo")
    .description("show what AIN does, in a lab of network namespaces on this machine (under a minute; needs root)")
    .addArgument(
      new Argument(
        "[lab]",
        "quickstart: two hypervisors behind a switch; pod-fabric: two PoDs with several paths; mobility: a VM moves around",
      )
        .choices(Object.keys(DEMOS))
        .default("quickstart"),
    )
    .action(async (lab: keyof typeof DEMOS) => {
      requireRoot();
      await DEMOS[lab]();
    });
