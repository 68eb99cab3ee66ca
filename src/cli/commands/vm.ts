/** `ain vm`: the VMs of a running router; attach, prepare, hold, detach them without its file. */
import { existsSync } from "node:fs";
import { Command } from "commander";
import { call, findSocket } from "#cli/client";
import { ROUTER_OPTION, type RouterChoice } from "#cli/commands/router-choice";
import { print, printJson } from "#cli/output";
import { portable, readVmFile, tellRefusal } from "#cli/vm-file";
import { vmsText, vmText } from "#cli/vm-text";
import type { VmVerb } from "#router/api/vm-routes";
import type { RegisteredVmView, VmDetailView } from "#router/vms/views";

interface Options extends RouterChoice {
  readonly json?: true;
}

export const vmCommand = (): Command =>
  new Command("vm")
    .description("the VMs of a running router")
    .addCommand(
      command("list", "all of them, with their states and homes").action(async ({ router, json }: Options) => {
        const vms = (await call(findSocket(router), "GET", "vm")) as RegisteredVmView[];
        if (json) printJson(vms);
        else print(vmsText(vms));
      }),
    )
    .addCommand(
      command("show", "one of them; --json has its definition too")
        .argument("<vm>", "its name")
        .action(async (name: string, { router, json }: Options) => {
          tell((await call(findSocket(router), "GET", `vm/${encodeURIComponent(name)}`)) as VmDetailView, json);
        }),
    )
    .addCommand(
      command("attach", "let a VM run here; the router remembers it until it is detached")
        .argument("<file>", FILE)
        .action(attach),
    )
    .addCommand(
      command("prepare", "get everything ready for a VM that is about to move here; its first frame activates it")
        .argument("<file>", FILE)
        .action((file: string, options: Options) => define("prepare", file, options)),
    )
    .addCommand(verb("activate", "a prepared VM has come"))
    .addCommand(verb("hold", "keep what is to be delivered to a VM, for at most 10 s"))
    .addCommand(verb("resume", "end a hold: the VM stays, and gets what was kept"))
    .addCommand(verb("detach", "the VM is here no more"));

const FILE = "YAML or JSON, as an element of node.yaml's vms; - is standard input";

const command = (name: string, description: string): Command =>
  new Command(name)
    .description(description)
    .option(...ROUTER_OPTION)
    .option("--json", "print JSON");

const verb = (name: VmVerb, description: string): Command =>
  command(name, description)
    .argument("<vm>", "its name")
    .action(async (vm: string, { router, json }: Options) => {
      const answer = await call(findSocket(router), "POST", `vm/${encodeURIComponent(vm)}/${name}`);
      if (name !== "detach") tell(answer as VmDetailView, json);
    });

/** A word that is no file is the name of a VM of the router's own file that is away. */
async function attach(file: string, options: Options): Promise<void> {
  const isName = file !== "-" && !/[/]|\.(ya?ml|json)$/.test(file) && !existsSync(file);
  if (!isName) return define("attach", file, options);
  tell(
    (await call(findSocket(options.router), "POST", `vm/${encodeURIComponent(file)}/attach`)) as VmDetailView,
    options.json,
  );
}

async function define(how: "attach" | "prepare", file: string, { router, json }: Options): Promise<void> {
  const source = readVmFile(file);
  try {
    tell((await call(findSocket(router), "POST", `vm/${how}`, portable(source))) as VmDetailView, json);
  } catch (error) {
    tellRefusal(error, source);
  }
}

function tell(vm: VmDetailView, json: true | undefined): void {
  if (json) printJson(vm);
  else print(vmText(vm, Date.now()));
}
