/** `ain show flights [VM]`: moves of VMs as this router saw them, or the report of one's last. */
import { Command } from "commander";
import { call, findSocket } from "#cli/client";
import { ROUTER_OPTION, type RouterChoice } from "#cli/commands/router-choice";
import { flightsText, flightText } from "#cli/flight-text";
import { print, printJson } from "#cli/output";
import type { FlightReport, FlightsView } from "#router/mobility/views";

export const showFlightsCommand = (): Command =>
  new Command("flights")
    .description("show the moves of VMs that this router had a part in, or the report of one VM's last")
    .argument("[vm]", "a VM's name, or a subject such as 'blue/prod 10.0.0.5' at its home")
    .option(...ROUTER_OPTION)
    .option("--json", "print JSON")
    .action(async (vm: string | undefined, { router, json }: RouterChoice & { json?: true }) => {
      const path = vm === undefined ? "show/flights" : `show/flights/${encodeURIComponent(vm)}`;
      const view = await call(findSocket(router), "GET", path);
      if (json) printJson(view);
      else if (vm === undefined) print(flightsText((view as FlightsView).flights));
      else print(flightText(view as FlightReport));
    });
