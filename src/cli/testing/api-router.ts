/** A router as the API shows it, and nothing behind: VMs with states, and reports of flights that went as planned. */
import type { Server } from "bun";
import type { FlightReport } from "#router/mobility/views";
import type { VmDetailView } from "#router/vms/views";

type State = VmDetailView["state"];
type Definition = Record<string, unknown> & { readonly name: string };

/** What each verb makes of a VM. */
const AFTER: Readonly<Record<string, State>> = { activate: "active", attach: "active", resume: "active", hold: "held" };

export class ApiRouter {
  /** What was asked of it, in order. */
  readonly asked: string[] = [];
  readonly definitions: Definition[] = [];
  onPrepare = (): void => {};
  onActivate = (): void => {};
  /** A verb that is refused. */
  refuse = "";
  /** What is wrong with any definition. */
  faults: { path: string; found: string; expected: string }[] = [];
  /** Methods by which a VM's connections were asked for or brought. */
  readonly connections: string[] = [];
  readonly #vms = new Map<string, { state: State; definition: Definition }>();
  readonly #server: Server<undefined>;
  readonly #name: string;

  constructor(socket: string) {
    this.#name = /([^/]*)\.sock$/.exec(socket)![1]!;
    this.#server = Bun.serve({ unix: socket, fetch: (request) => this.#answer(request) });
  }

  stop(): Promise<void> {
    return this.#server.stop(true);
  }

  add(name: string, state: State): void {
    const definition = { name, network: "blue/prod", address: "10.0.0.2", interface: "v" };
    this.#vms.set(name, { state, definition });
  }

  set(name: string, state: State): void {
    this.#vms.get(name)!.state = state;
  }

  state(name: string): State | undefined {
    return this.#vms.get(name)?.state;
  }

  async #answer(request: Request): Promise<Response> {
    const [, , what, name = "", verb] = new URL(request.url).pathname.split("/");
    if (what === "show") return Response.json(this.#flight(verb!));
    if (request.method === "GET" && name === "")
      return Response.json([...this.#vms.keys()].map((vm) => this.#view(vm)));
    const isNew = verb === undefined && (name === "prepare" || name === "attach");
    if (isNew && request.method === "POST") return this.#define(name, (await request.json()) as Definition);
    if (!this.#vms.has(name)) return Response.json({ error: `no VM here is called ${name}` }, { status: 404 });
    if (verb === "connections") {
      this.connections.push(request.method);
      return Response.json([]);
    }
    return request.method === "GET" ? Response.json(this.#view(name)) : this.#act(name, verb!);
  }

  #define(how: string, definition: Definition): Response {
    if (this.faults.length > 0) {
      const errors = this.faults.map((fault) => ({ file: "VM", line: 0, column: 0, ...fault }));
      return Response.json({ error: "wrong", errors }, { status: 400 });
    }
    this.asked.push(how);
    this.definitions.push(definition);
    this.#vms.set(definition.name, { state: how === "prepare" ? "prepared" : "active", definition });
    if (how === "prepare") this.onPrepare();
    return Response.json(this.#view(definition.name));
  }

  #act(name: string, verb: string): Response {
    const vm = this.#vms.get(name)!;
    if (verb === this.refuse) return Response.json({ error: `no ${verb} today` }, { status: 409 });
    const isWrong = (verb === "activate" && vm.state !== "prepared") || (verb === "resume" && vm.state !== "held");
    if (isWrong) return Response.json({ error: "wrong state" }, { status: 409 });
    this.asked.push(`${name}/${verb}`);
    if (verb === "detach") {
      this.#vms.delete(name);
      return Response.json({});
    }
    vm.state = AFTER[verb]!;
    if (verb === "activate") this.onActivate();
    return Response.json(this.#view(name));
  }

  #view(name: string): VmDetailView {
    const { state, definition } = this.#vms.get(name)!;
    const home = { home: "2001:db8:a1:1::/64", hypervisor: "hv1", isAtHome: false, isFabrics: true };
    return {
      ...{ name, network: "blue/prod", state, source: "runtime", mac: null, since: Date.now(), held: null },
      port: { interface: "v", state: "up" },
      addresses: [{ address: "10.0.0.2", networkAddress: "2001:db8:a1:1:0:401:a00:2", ...home }],
      claim: 1000.5,
      definition: definition as unknown as VmDetailView["definition"],
    };
  }

  /** The VM stood still for 10 ms, and packets reached it 8 ms after it ran again. */
  #flight(vm: string): FlightReport {
    const isSource = this.#name === "hv1";
    const marks = isSource
      ? { firstFromVm: 900, lastFromVm: 1000, firstToVm: 900, lastToVm: 1000 }
      : { firstFromVm: 1010, lastFromVm: 1100, firstToVm: 1018, lastToVm: 1100 };
    return {
      ...{ id: 1, vm, router: this.#name, side: isSource ? "source" : "target", outcome: "done" },
      ...{ began: 1000, ended: 1020, events: [], marks, downtime: null },
      packets: { held: 0, reinjected: 0, givenUp: 0, stragglers: 0, dropped: {} },
    };
  }
}
