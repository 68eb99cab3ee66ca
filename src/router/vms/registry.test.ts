/** The life of VMs at run time: which verb does what in which state, what is told whom in which order, what is kept. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { definition, FakeRouter, vmText } from "#router/vms/testing/fake-router";
import { UnknownVmError, VmDefinitionError, VmStateError } from "#router/vms/vm-errors";

let router: FakeRouter;
beforeEach(() => {
  router = new FakeRouter(vmText("a", 2), vmText("b", 3));
  expect(router.take()).toEqual([
    ...["a - → active (start)", "onActive a start", "b - → active (start)", "onActive b start"],
  ]);
});
afterEach(() => router.end());

const kept = (): unknown => JSON.parse(readFileSync(router.file, "utf8")).vms;

describe("a VM", () => {
  test("is attached: port, then the word of it; and detached", async () => {
    const entry = await router.vms.attach(definition("w", 4));
    expect(entry).toMatchObject({ state: "active", source: "runtime", port: router.port("w")!.index });
    expect(router.take()).toEqual(["open w", "w - → active (command)", "onActive w attached"]);
    await router.vms.detach("w");
    expect(router.take()).toEqual([
      ...["adopt a:active b:active w:away*", "close w", "w active → - (command)", "onGone w"],
    ]);
    expect(router.states()).toBe("a:active b:active");
  });

  test("is prepared, then active: it is spoken to, forwarders are told, then observers", async () => {
    await router.vms.prepare(definition("w", 4));
    expect(router.take()).toEqual(["open w", "w - → prepared (command)"]);
    await router.vms.activate("w", "frame");
    expect(router.take()).toEqual([
      ...["arrived w", "adopt a:active b:active w:active*", "w prepared → active (frame)", "onActive w handoff"],
    ]);
  });

  test("that was prepared in vain is detached without a word to anybody", async () => {
    await router.vms.prepare(definition("w", 4));
    router.take();
    await router.vms.detach("w");
    expect(router.take()).toEqual(["close w (moving)", "w prepared → - (command)"]);
  });

  test("is held and resumed: what is kept goes back in order before it is active again", async () => {
    await router.vms.hold("b");
    expect(router.take()).toEqual(["adopt a:active b:held", "b active → held (command)", "onHeld b"]);
    for (const number of [1, 2, 3]) expect(router.punt("b", number)).toBe(true);
    expect(router.injected).toEqual([]);
    const { held } = await router.vms.resume("b");
    expect(held).toEqual({ kept: 3, returned: 3, givenUp: 0 });
    expect(router.take()).toEqual(["adopt a:active b:active", "b held → active (command)"]);
    expect(router.punt("b", 4)).toBe(true); // it was under way
    expect(router.injected).toEqual([1, 2, 3, 4]);
    expect(router.punt("a", 5)).toBe(false);
  });

  test("is released: found here no more, what was kept goes on, its port goes; once, however often it is said", async () => {
    await router.vms.hold("b");
    router.punt("b", 1);
    router.take();
    await Promise.all([router.vms.released("b"), router.vms.released("b"), router.vms.released("nobody")]);
    expect(router.injected).toEqual([1]);
    expect(router.take()).toEqual([...["adopt a:active b:away", "close b (moving)", "b held → away (released)"]]);
    expect(router.vms.find("b")).toMatchObject({ state: "away", source: "file", port: undefined });
    await router.vms.released("a");
    expect(router.take().at(-1)).toBe("a active → away (released)");
  });

  test("that was prepared is not released", async () => {
    await router.vms.prepare(definition("w", 4));
    await router.vms.released("w");
    expect(router.states()).toBe("a:active b:active w:prepared*");
  });

  test("comes back: as the file has it by its name, or as somebody says", async () => {
    await router.vms.released("b");
    await router.vms.attachAgain("b");
    expect(router.states()).toBe("a:active b:active");
    await router.vms.released("b");
    await router.vms.prepare(definition("b", 3));
    expect(router.states()).toBe("a:active b:prepared");
    await router.vms.detach("b");
    expect(router.states()).toBe("a:active b:away");
    await router.vms.attach({ ...definition("b", 3), interface: "other" });
    expect(router.states()).toBe("a:active b:active*");
    await router.vms.released("b");
    expect(router.vms.find("b")).toMatchObject({
      state: "away",
      source: "file",
      vm: { attachment: { interface: "b" } },
    });
  });
});

describe("what is wrong changes nothing", () => {
  const refused = async (act: () => Promise<unknown>, kind: new (...words: never[]) => Error, words: string) => {
    const before = router.states();
    const error = await act().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(kind);
    expect((error as Error).message).toContain(words);
    expect([router.states(), router.take()]).toEqual([before, []]);
  };

  test("each verb has its states", async () => {
    const { vms } = router;
    await refused(() => vms.activate("a"), VmStateError, "VM a: found it active, expected it prepared");
    await refused(() => vms.resume("a"), VmStateError, "VM a: found it active, expected it held");
    await refused(() => vms.attachAgain("a"), VmStateError, "VM a: found it active, expected it away");
    await refused(
      () => vms.attach(definition("a", 9)),
      VmStateError,
      "found it active, expected it away, or not known yet",
    );
    await refused(() => vms.hold("w"), UnknownVmError, "no VM here is called w");
    await vms.released("b");
    router.take();
    await refused(() => vms.hold("b"), VmStateError, "VM b: found it away, expected it active");
    await refused(() => vms.detach("b"), VmStateError, "VM b: found it away");
  });

  test("definitions are checked beside all that are here", async () => {
    const { vms } = router;
    await refused(
      () => vms.attach({ ...definition("w", 2) }),
      VmDefinitionError,
      "address: found 10.0.0.2 in blue/prod",
    );
    await refused(() => vms.attach({ ...definition("w", 4), interface: "eth1" }), VmDefinitionError, "the uplink eth1");
    await refused(() => vms.prepare("w"), VmDefinitionError, "expected a mapping");
    await vms.attach(definition("w", 4));
    router.take();
    await refused(() => vms.attach(definition("x", 4)), VmDefinitionError, "which the VM w has");
    await vms.released("b");
    await vms.attach({ ...definition("x", 3) }); // b is away, and its address with it
    router.take();
    await refused(
      () => vms.attachAgain("b"),
      VmDefinitionError,
      "vms[1].address: found 10.0.0.3 in blue/prod, which the VM x has",
    );
  });
});

describe("a router that was killed", () => {
  test("has its VMs of run time again, and not those that moved away", async () => {
    await router.vms.attach(definition("w", 4));
    await router.vms.prepare(definition("p", 5));
    await router.vms.released("b");
    expect(kept()).toEqual({
      b: { state: "away" },
      w: { state: "active", definition: definition("w", 4) },
      p: { state: "prepared", definition: definition("p", 5) },
    });
    router.start();
    expect(router.states()).toBe("a:active b:away w:active* p:prepared*");
    expect(router.take()).toEqual([
      ...["a - → active (start)", "onActive a start", "b - → away (start)"],
      ...["w - → active (start)", "onActive w start", "p - → prepared (start)"],
    ]);
  });

  test("has those that were held prepared: they may be elsewhere", async () => {
    await router.vms.attach(definition("w", 4));
    await router.vms.hold("w");
    await router.vms.hold("a");
    router.start();
    expect(router.states()).toBe("a:prepared b:active w:prepared*");
  });

  test("leaves out what the files contradict by now, and says so; the file's VM wins", async () => {
    await router.vms.attach(definition("w", 4));
    await router.vms.attach(definition("x", 5));
    router.write(vmText("a", 2), vmText("y", 4));
    router.start();
    expect(router.states()).toBe("a:active y:active x:active*");
    expect(router.logged.join("\n")).toContain(
      "vms.w.definition.address: found 10.0.0.4 in blue/prod, which the VM y has",
    );
  });

  test("takes a VM that is written down meanwhile for the file's", async () => {
    await router.vms.attach(definition("w", 4));
    router.write(vmText("a", 2), vmText("b", 3), vmText("w", 4));
    router.start();
    expect(router.states()).toBe("a:active b:active w:active");
    expect(kept()).toEqual({});
  });

  test("knows again which VM stands for one of the file that is away", async () => {
    await router.vms.released("b");
    await router.vms.attach({ ...definition("b", 3), interface: "other" });
    router.start();
    expect(router.states()).toBe("a:active b:active*");
    router.write(vmText("a", 2));
    router.start();
    expect(router.states()).toBe("a:active b:active*");
  });
});

describe("a reload", () => {
  test("keeps VMs of run time, and tells only of what differs", async () => {
    await router.vms.attach(definition("w", 4));
    router.take();
    router.write(vmText("a", 2), vmText("c", 7));
    expect(router.reload()).toEqual([]);
    expect(router.states()).toBe("a:active c:active w:active*");
    expect(router.take()).toEqual([
      ...["close b", "open c", "b active → - (reload)", "onGone b", "c - → active (reload)", "onActive c attached"],
    ]);
  });

  test("tells of a VM with another address as of one that goes and one that comes, of other services nothing", () => {
    router.write(vmText("a", 9), vmText("b", 3, ", hostname: other"));
    expect(router.reload()).toEqual([]);
    expect(router.take()).toEqual([
      ...["a active → - (reload)", "onGone a", "a - → active (reload)", "onActive a attached"],
    ]);
    expect(router.vms.find("b")!.vm.hostname).toBe("other");
  });

  test("that contradicts a VM of run time is refused where it is written", async () => {
    await router.vms.attach(definition("w", 4));
    router.write(vmText("a", 2), vmText("w", 5), vmText("x", 4));
    const hint = "\n    The other was attached at run time: ain vm detach w takes it away.";
    const busy = "expected an interface that nothing else uses";
    expect(router.reload()).toEqual([
      `node.yaml:8:12: vms[1].name: found the VM name w, which the VM w has, expected each name once${hint}`,
      `node.yaml:8:65: vms[1].interface: found w, which the VM w has, ${busy}${hint}`,
      `node.yaml:9:44: vms[2].address: found 10.0.0.4 in blue/prod, which the VM w has, expected an address that no other VM of the network has${hint}`,
    ]);
    expect(router.states()).toBe("a:active b:active w:active*");
  });

  test("leaves what is away away until the file does not name it any more", async () => {
    await router.vms.released("b");
    router.write(vmText("a", 2), vmText("b", 8));
    router.reload();
    expect(router.states()).toBe("a:active b:away");
    router.write(vmText("a", 2));
    router.reload();
    router.write(vmText("a", 2), vmText("b", 3));
    router.reload();
    expect(router.states()).toBe("a:active b:active");
  });

  test("does not change a VM that is just moving", async () => {
    await router.vms.hold("b");
    const change = { what: "vm", name: "b", before: router.vms.find("b")!.vm } as const;
    expect(router.vms.refusals([change])).toEqual(["VM b is held: found a change of it, expected none"]);
    expect(router.vms.refusals([{ ...change, name: "a" }])).toEqual([]);
  });
});
