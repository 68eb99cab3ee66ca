/** A router with its API socket and signals, from start to end. */
import type { DebugTarget } from "#router/api/debug-routes";
import { ApiServer, type ApiTarget } from "#router/api/server";
import type { VmTarget, VmVerb } from "#router/api/vm-routes";
import { describeChange } from "#router/config/plan";
import type { Log } from "#router/log";
import { MetricsServer } from "#router/metrics/metrics-server";
import { RouterMetrics } from "#router/metrics/router-metrics";
import { Router, type RouterOptions } from "#router/router";
import { show } from "#router/show";
import { VIEWS } from "#router/views";
import { detailOf, viewOf } from "#router/vms/views";
import { UnknownVmError, VmStateError } from "#router/vms/vm-errors";
import { raiseThread } from "#sys/scheduling";

/** Resolves when the router was told to stop and all is put back. Throws Error when it cannot start. */
export async function serve(options: RouterOptions): Promise<void> {
  const { node, fabric } = options.configuration;
  const stopping = Promise.withResolvers<string>();
  let restart = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stopping.resolve(signal));
  // It sleeps most of the time, and when it is needed, the engine's compiler, guests and all are not to be waited for.
  raiseThread("preferred");
  const router = await Router.start(options);
  const metrics = new RouterMetrics({
    router,
    log: () => logged(options.log),
    flowLog: () => router.flows,
  });
  const server =
    node.metrics &&
    new MetricsServer({ listen: node.metrics, log: options.log, answer: (accept) => metrics.answer(accept) });
  try {
    const api = await ApiServer.listen(
      node.socket,
      target(router, metrics, (again) => {
        restart = again;
        stopping.resolve(again ? "ain stop --restart" : "ain stop");
      }),
    );
    options.log.info(
      `${node.role} ${node.name} (${node.address.text}) of fabric ${fabric.name} runs; API on ${api.path}`,
      "started",
    );
    const why = await Promise.race([stopping.promise, router.ended]);
    options.log.info(`stopping: ${why}`, "stopping");
    await api.close();
  } finally {
    await server?.close();
    metrics.stop();
    await router.stop(restart);
  }
}

const logged = ({ written, heldBack }: Log): { lines: ReadonlyMap<string, number>; heldBack: number } => ({
  lines: written,
  heldBack,
});

function target(router: Router, metrics: RouterMetrics, stop: ApiTarget["stop"]): ApiTarget {
  return {
    shows: [...VIEWS, "ospf", "bfd"],
    show: (words) => show(router, words),
    plan: async () => {
      const plan = router.plan();
      return "errors" in plan ? { changes: [], errors: plan.errors } : { changes: plan.changes.map(describeChange) };
    },
    reload: () => router.reload(),
    stop,
    metrics: (accept) => metrics.answer(accept),
    vm: vmTarget(router),
    debug: debugTarget(router),
  };
}

const debugTarget = (router: Router): DebugTarget => ({
  why: (question) => router.why.ask(question),
  trace: (request, signal) => router.watch.trace(request, signal),
  capture: (request, signal) => router.watch.capture(request, signal),
  probe: (question) => router.watch.probe(question),
});

function vmTarget(router: Router): VmTarget {
  const { vms, ports, vmNeighbors } = router;
  const claimOf = (vm: string) => router.mobility.claimOf(vm);
  const parts = () => ({ ...router.configuration, ports, vmNeighbors, claimOf });
  const verbs: Readonly<Record<VmVerb, (name: string) => Promise<unknown>>> = {
    attach: (name) => vms.attachAgain(name),
    activate: (name) => vms.activate(name),
    hold: (name) => vms.hold(name),
    resume: (name) => vms.resume(name),
    detach: (name) => vms.detach(name),
  };
  return {
    list: () => vms.entries().map((entry) => viewOf(entry, parts())),
    show: (name) => {
      const entry = vms.find(name);
      if (entry === undefined) throw new UnknownVmError(name);
      return detailOf(entry, parts());
    },
    attach: async (definition) => void (await vms.attach(definition)),
    prepare: async (definition, after) => void (await vms.prepare(definition, after)),
    act: async (name, verb) => void (await verbs[verb](name)),
    connections: (name) => {
      const entry = vms.find(name);
      if (entry === undefined) throw new UnknownVmError(name);
      return router.connections.carried(entry.vm, entry.port);
    },
    takeOver: (name, connections) => {
      const entry = vms.find(name);
      if (entry === undefined) throw new UnknownVmError(name);
      if (entry.port === undefined) throw new VmStateError(name, entry.state, "here");
      return router.connections.takeOver(connections, entry.port);
    },
  };
}
