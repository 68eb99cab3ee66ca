/** `ain show ospf [WHAT]`: what a running router's OSPF knows; `ain show ospf database KIND ROUTER` decodes LSAs. */
import { Argument, Command } from "commander";
import { call, findSocket } from "#cli/client";
import { ROUTER_OPTION, type RouterChoice } from "#cli/commands/router-choice";
import { lsasText } from "#cli/lsa-text";
import { ospfText } from "#cli/ospf-text";
import { print, printJson } from "#cli/output";
import { LSA_KINDS } from "#router/ospf/lsa-view";
import { OSPF_VIEWS, type OspfLsasView, type OspfViewName } from "#router/ospf/views";

type Options = RouterChoice & { readonly json?: true };

export const showOspfCommand = (): Command =>
  new Command("ospf")
    .description("show what OSPF knows: by default its status; LSAs are told in full by kind and advertising router")
    .addArgument(new Argument("[what]", "which view").choices([...OSPF_VIEWS]).default("status"))
    .addArgument(new Argument("[kind]", "of database: a kind of LSA").choices(["all", ...LSA_KINDS]))
    .argument("[router-id]", "of database: the advertising router's id")
    .option(...ROUTER_OPTION)
    .option("--json", "print JSON")
    .action(async (what: OspfViewName, kind: string | undefined, router: string | undefined, options: Options) => {
      const path = ["show", "ospf", what, kind, router].filter((word) => word !== undefined).join("/");
      const view = await call(findSocket(options.router), "GET", path);
      if (options.json) printJson(view);
      else print(kind === undefined ? ospfText(what, view) : lsasText(view as OspfLsasView));
    });
