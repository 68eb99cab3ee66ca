/**
 * For end-to-end tests: our end of a link and a neighbor's, each in a namespace of its own, with a bridge in between that
 * can be cut without either end losing its carrier. Needs root.
 */
import { linkLocalFromMac, parseMac } from "#base/address";
import { dropIncoming } from "#sys/bpf";
import { closeDescriptor, closingAfter } from "#sys/descriptor";
import { SysError } from "#sys/errno";
import { FrameSocket, openFrameSocket } from "#sys/frame-socket";
import { createNamespace, deleteNamespace, inNamespace, openNamespace } from "#sys/namespace";
import { Rtnetlink } from "#sys/rtnetlink";
import { writeSysctl } from "#sys/sysctl";

export const INTERFACE = "up0";
export const OUR_MAC = parseMac("02:bf:d0:00:00:01")!;
export const ITS_MAC = parseMac("02:bf:d0:00:00:02")!;
export const OURS = linkLocalFromMac(OUR_MAC);
export const ITS = linkLocalFromMac(ITS_MAC);

export class Bench {
  readonly ours = `bfdo${process.pid}`;
  readonly its = `bfdi${process.pid}`;
  private readonly between = `bfdm${process.pid}`;
  private drop = -1;

  /** Both ends up; our kernel neither has IPv6 there nor sees what comes in, just as the router's. */
  up(): void {
    for (const name of [this.ours, this.its, this.between]) createNamespace(name);
    const middle = new Rtnetlink(this.between);
    middle.addBridge("br");
    middle.changeLink(middle.requireLink("br").index, { up: true });
    this.addEnd(middle, "ours", this.ours, OUR_MAC);
    this.addEnd(middle, "its", this.its, ITS_MAC);
    middle.close();
    this.drop = inNamespace(this.ours, () => dropIncoming(this.indexOf(this.ours), INTERFACE));
    // Nobody answers for us: the router, which would, is not here.
    const there = new Rtnetlink(this.its);
    there.setNeighbor(there.requireLink(INTERFACE).index, OURS, OUR_MAC);
    there.close();
  }

  down(): void {
    if (this.drop >= 0) closeDescriptor(this.drop);
    for (const name of [this.ours, this.its, this.between]) deleteNamespace(name);
  }

  /** Cuts the link in the middle, or joins it again. */
  join(joined: boolean): void {
    const middle = new Rtnetlink(this.between);
    const master = joined ? middle.requireLink("br").index : 0;
    middle.changeLink(middle.requireLink("its").index, { master }, "its");
    middle.close();
  }

  /** Takes our interface down or up, as an operator would. */
  switchOurs(up: boolean): void {
    const links = new Rtnetlink(this.ours);
    links.changeLink(links.requireLink(INTERFACE).index, { up }, INTERFACE);
    links.close();
  }

  /** Puts a frame on the wire at the neighbor's end. */
  send(frame: Uint8Array): void {
    inNamespace(this.its, () => {
      closingAfter(openFrameSocket(this.indexOf(this.its), INTERFACE, []), (fd) => {
        const socket = new FrameSocket(fd);
        const failure = socket.send(frame);
        socket.free();
        if (failure !== 0) throw new SysError("send", failure, INTERFACE);
      });
    });
  }

  private addEnd(middle: Rtnetlink, name: string, namespace: string, mac: Uint8Array): void {
    middle.addVeth({ name, peerName: `${name}-far` });
    const far = middle.requireLink(`${name}-far`);
    const namespaceFd = openNamespace(namespace);
    middle.changeLink(far.index, { namespaceFd, name: INTERFACE, mac }, far.name);
    closeDescriptor(namespaceFd);
    middle.changeLink(middle.requireLink(name).index, { master: middle.requireLink("br").index, up: true }, name);
    writeSysctl(`net/ipv6/conf/${INTERFACE}/accept_dad`, 0, namespace);
    if (namespace === this.ours) writeSysctl(`net/ipv6/conf/${INTERFACE}/disable_ipv6`, 1, namespace);
    const there = new Rtnetlink(namespace);
    there.changeLink(there.requireLink("lo").index, { up: true }, "lo");
    there.changeLink(there.requireLink(INTERFACE).index, { up: true }, INTERFACE);
    there.close();
  }

  private indexOf(namespace: string): number {
    const links = new Rtnetlink(namespace);
    const { index } = links.requireLink(INTERFACE);
    links.close();
    return index;
  }
}

/** Looks every few milliseconds until `found` gives something; throws after `seconds`, with what `found` saw last. */
export async function eventually<T>(
  what: string,
  found: () => T | Promise<T>,
  isIt: (seen: T) => boolean,
  seconds = 10,
): Promise<T> {
  let seen = await found();
  for (const end = performance.now() + 1000 * seconds; !isIt(seen) && performance.now() < end; seen = await found())
    await Bun.sleep(10);
  if (!isIt(seen)) throw new Error(`no ${what} within ${seconds} s, but ${JSON.stringify(seen)}`);
  return seen;
}
