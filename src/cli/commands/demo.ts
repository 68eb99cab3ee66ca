/** `ain demo`. */
import { Command } from "commander";
import { demo } from "#cli/demo/demo";
import { requireRoot } from "#cli/lab-target";

export const demoCommand = (): Command =>
  new Command("demo")
    .description("show what AIN does, in a lab of network namespaces on this machine (under a minute; needs root)")
    .action(async () => {
      requireRoot();
      await demo();
    });
