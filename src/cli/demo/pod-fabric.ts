/** `ain demo pod-fabric`: two PoDs, border routers, several paths, and a link that is cut. */
import { type ChildProcess, spawn } from "node:child_process";
import { columns } from "#cli/columns";
import { untilSettled } from "#cli/demo/settled";
import { Speakers } from "#cli/demo/speakers";
import { ask, c, onStage, type Stage, section, showMatrix, untilRouted } from "#cli/demo/stage";
import { Failure } from "#cli/failure";
import type { Place } from "#cli/lab-vms";
import { print } from "#cli/output";
import type { PortView, RouteView } from "#router/views";
import { inNamespace } from "#sys/namespace";
import { Rtnetlink } from "#sys/rtnetlink";

/** Pings a second, and how many in all. */
const RATE = 100;
const PINGS = 500;
/** Milliseconds of pings before the link is cut, and until it is whole again. */
const [BEFORE, AFTER] = [1000, 2000];

export async function podFabric(): Promise<void> {
  introduce();
  await onStage("pod-fabric", async (stage) => {
    const speakers = new Speakers(stage.topology, stage.files);
    await showNeighbors(stage, speakers);
    await showPaths(speakers);
    section("who answers whom, within a PoD and across");
    await showMatrix(stage.vms);
    await showFailover(stage);
  });
}

function introduce(): void {
  print(c.bold("AIN in a data centre of two PoDs: OSPFv3 finds the paths, all of them are used."));
  print(`
            core1        core2             backbone area
          ┌───┴──┬─────────┴──┐
       agg1a   agg1b       agg2a   agg2b   border routers: tell the backbone one prefix for their PoD,
          │  ╳  │             │  ╳  │      and the PoD nothing but a default route
       acc1a   acc1b       acc2a   acc2b   access switches
          │  ╳  │             │  ╳  │
        hv11    hv12        hv21    hv22   hypervisors, each with two uplinks, two tenants' VMs on each`);
}

async function showNeighbors(stage: Stage, speakers: Speakers): Promise<void> {
  section("neighbors");
  const seconds = await untilRouted(stage);
  await untilSettled(speakers);
  print(`Every hypervisor had its routes after ${seconds} s. BFD watches all links.\n`);
  let adjacencies = 0;
  const rows: string[][] = [];
  for (const speaker of speakers.all()) {
    const neighbors = await speakers.neighbors(speaker);
    adjacencies += neighbors.length;
    const names = neighbors.map(({ name }) => name).sort();
    rows.push([speaker.name, speaker.player, names.join(" ")]);
  }
  print(columns(["ROUTER", "PLAYED BY", "NEIGHBORS"], rows));
  print(`\n${c.green("✓")} ${adjacencies} neighbors, all of them Full.`);
}

async function showPaths(speakers: Speakers): Promise<void> {
  section("all paths are used");
  const told = async (router: string, isMeant: (prefix: string) => boolean): Promise<void> => {
    const speaker = speakers.all().find(({ name }) => name === router)!;
    const routes = (await speakers.routes(speaker)).filter(({ prefix }) => isMeant(prefix));
    const rows = routes
      .sort((one, other) => (one.prefix < other.prefix ? -1 : 1))
      .map(({ prefix, cost, ways }) => [prefix, `${cost}`, ways.join(", ")]);
    print(columns([`${router.toUpperCase()}'S ROUTES`, "COST", "NEXT HOPS"], rows));
  };
  await told("hv11", () => true);
  print("\nOf the other PoD it knows nothing: the default route leads to the border routers, over both uplinks.\n");
  await told("core1", (prefix) => prefix.endsWith("/48"));
  print("\nOf a PoD the backbone knows one prefix, however many hypervisors and switches there are.");
}

/** Pings across the PoDs while the link they leave by is cut. */
async function showFailover(stage: Stage): Promise<void> {
  section("a link is cut while blue11 pings blue21");
  const from = stage.vms.find(({ name }) => name === "blue11")!;
  const to = stage.vms.find(({ name }) => name === "blue21")!;
  const answers = pings(from, to);
  await Bun.sleep(BEFORE);
  const link = await busierUplink(stage, "hv11");
  switchLink(stage, "hv11", link, false);
  await Bun.sleep(AFTER);
  const route = (await ask<readonly RouteView[]>(stage, "hv11", "routes")).find(({ prefix }) => prefix === "::/0");
  const left =
    route?.nextHops.filter(({ state }) => !["unresolved", "failed"].includes(state)).map(({ uplink }) => uplink) ?? [];
  switchLink(stage, "hv11", link, true);
  const [received, gap] = await answers;
  print(
    `${RATE} pings a second. hv11's ${link}, which they left by, was switched off and on again: ${c.bold(`${received} of ${PINGS}`)} answered,\nthe longest silence ${c.bold(`${gap} ms`)}. Meanwhile all flows left by ${left.join(", ")}.`,
  );
  if (received < PINGS / 2) throw new Failure("the other path was not taken");
}

/** The uplink that sends more just now: the flow leaves by it. */
async function busierUplink(stage: Stage, router: string): Promise<string> {
  const sent = async () => new Map((await ask<PortView[]>(stage, router, "ports")).map((p) => [p.name, p.txFrames]));
  const before = await sent();
  await Bun.sleep(300);
  const after = await sent();
  const grown = ["eth1", "eth2"].map((name) => (after.get(name) ?? 0) - (before.get(name) ?? 0));
  return grown[0]! >= grown[1]! ? "eth1" : "eth2";
}

function switchLink({ topology }: Stage, node: string, name: string, up: boolean): void {
  const netlink = new Rtnetlink(topology.nodes.find((one) => one.name === node)!.namespace);
  try {
    netlink.changeLink(netlink.requireLink(name).index, { up }, name);
  } finally {
    netlink.close();
  }
}

/** How many answers came, and the longest time between two of them in milliseconds. */
function pings(from: Place, to: Place): Promise<[number, number]> {
  const words = ["-n", "-D", "-i", `${1 / RATE}`, "-c", `${PINGS}`, "-W", "1", to.address];
  const child: ChildProcess = inNamespace(from.namespace, () =>
    spawn("ping", words, { stdio: ["ignore", "pipe", "ignore"] }),
  );
  let text = "";
  child.stdout!.on("data", (octets) => {
    text += octets;
  });
  return new Promise((resolve) => {
    child.once("close", () => {
      const times = [...text.matchAll(/^\[(\d+\.\d+)\].*icmp_seq/gm)].map(([, at]) => Number(at) * 1000);
      const gaps = times.slice(1).map((at, i) => at - times[i]!);
      resolve([times.length, Math.round(Math.max(0, ...gaps))]);
    });
  });
}
