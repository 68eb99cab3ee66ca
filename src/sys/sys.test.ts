import { afterAll, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monotonicMillis, monotonicNanos } from "#sys/clock";
import { closeDescriptor, closingAfter, lockFile, openPath } from "#sys/descriptor";
import { check, EBADF, errno, SysError } from "#sys/errno";
import { createEventFd, EventFd } from "#sys/eventfd";
import { libc } from "#sys/libc";
import { reserveFor, slotSizeFor } from "#sys/packet-ring";
import { POLLNVAL, Poller, waitFor } from "#sys/poll";
import { isAlive, openPidfd, sendSignal } from "#sys/process";

const directory = mkdtempSync(join(tmpdir(), "ain-sys-"));
afterAll(() => rmSync(directory, { recursive: true }));

test("a refused call becomes an error that names the call, the object and the errno", () => {
  expect(libc.close(9999)).toBe(-1);
  expect(errno()).toBe(EBADF);
  expect(new SysError("ioctl", 19, "eth9").message).toBe("ioctl eth9: No such device (ENODEV)");
  expect(new SysError("frob", 11)).toMatchObject({ call: "frob", errno: 11, code: "EAGAIN" });
  expect(new SysError("frob", 9998).code).toBe("errno 9998");
  expect(check(7, "frob")).toBe(7);
  expect(() => openPath("/none/such")).toThrow("open /none/such: No such file or directory (ENOENT)");
});

test("the clock is monotonic, in nanoseconds, and the same as the kernel's uptime", () => {
  const [a, b] = [monotonicNanos(), monotonicNanos()];
  expect(b).toBeGreaterThanOrEqual(a);
  expect(Math.abs(monotonicMillis() - monotonicNanos() / 1e6)).toBeLessThan(100);
});

test("an event wakes a poll once, however often it was signalled", () => {
  const event = new EventFd(createEventFd());
  const poller = new Poller(3);
  poller.set(2, event.fd);
  expect(poller.wait(0)).toBe(0);
  event.signal();
  event.signal();
  expect(poller.wait(-1)).toBe(1);
  expect([poller.ready(0), poller.ready(2)]).toEqual([false, true]);
  event.drain();
  event.drain();
  expect(poller.wait(0)).toBe(0);
  event.signal();
  poller.remove(2);
  expect(poller.wait(1)).toBe(0);
  expect(() => poller.set(3, event.fd)).toThrow("poll slot 3 of 3");
  poller.set(0, 9999);
  expect(poller.wait(-1)).toBe(1);
  expect(poller.events(0)).toBe(POLLNVAL);
  poller.close();
  event.close(true);
});

test("a descriptor is closed although its user throws", () => {
  let kept = -1;
  expect(() =>
    closingAfter(openPath("/dev/null"), (fd) => {
      kept = fd;
      throw new Error("used");
    }),
  ).toThrow("used");
  expect(() => closeDescriptor(kept)).toThrow(/close descriptor .*EBADF/);
});

test("a lock is had by one and free again when it is closed", () => {
  const path = join(directory, "lock");
  const fd = lockFile(path);
  expect(fd).toBeDefined();
  expect(lockFile(path)).toBeUndefined();
  closeDescriptor(fd!);
  closeDescriptor(lockFile(path)!);
});

test("a process is alive until it is told to end, and its descriptor says when", async () => {
  const child = spawn("sleep", ["60"]);
  const pid = child.pid!;
  const pidfd = openPidfd(pid)!;
  expect([isAlive(pid), waitFor(pidfd, 0)]).toEqual([true, false]);
  expect(sendSignal(pid, 15)).toBe(true);
  expect(waitFor(pidfd, 2000)).toBe(true);
  await new Promise((resolve) => child.on("close", resolve));
  closeDescriptor(pidfd);
  expect([isAlive(pid), sendSignal(pid, 15), openPidfd(pid)]).toEqual([false, false, undefined]);
});

test("ring slots leave headroom beyond the kernel's own header, align the network header, and hold the MTU", () => {
  for (const headroom of [0, 1, 64, 128, 500]) {
    const network = 80 + 10 + reserveFor(headroom);
    expect(network % 16).toBe(0);
    expect(network - 14 - 32).toBeGreaterThanOrEqual(headroom);
    for (const mtu of [1280, 1500, 1840, 1860, 9000, 65535]) {
      expect(slotSizeFor(mtu, headroom)).toBeGreaterThanOrEqual(network + mtu);
      expect((slotSizeFor(mtu, headroom) / 64) % 2).toBe(1);
    }
  }
  expect(slotSizeFor(1500, 128)).toBe(1728);
});
