/** Moments between the steps of two threads that the races of nat-race.test.ts hardly ever meet. */
import { expect, test } from "bun:test";
import { E_PROTOCOL } from "#fastpath/tables/connection-layout";
import { createFragmentTable, F_IDENTIFICATION, Fragments } from "#fastpath/tables/fragments";
import { NatBlocks, NONE } from "#fastpath/tables/nat-blocks";
import { B_OWNER, B_USED, BLOCK_WORDS, natPlaces, RESTING } from "#fastpath/tables/nat-layout";
import { listBlocks } from "#fastpath/tables/nat-list";
import { NatLogReader } from "#fastpath/tables/nat-log";
import { UDP, vm } from "#fastpath/testing/connection-packets";
import { type Flow, natOf, newNat, newNatBuffers, out, raw, rawPool, remote } from "#fastpath/testing/nat-world";

const flow = (port: number): Flow => ({ inside: vm(7, 1, port), remote: remote(8, 53), protocol: UDP });
const OWNER = 77;
const UDP_INDEX = 1;

function newBlocks() {
  const words = new Int32Array(newNatBuffers().table);
  const places = natPlaces(words);
  const blocks = new NatBlocks(words, places, 5);
  blocks.binding = 1;
  blocks.protocol = UDP_INDEX;
  const block = blocks.take(0, -1, OWNER, 0);
  const at = places.blocks + block * BLOCK_WORDS;
  return { words, blocks, block, at };
}

test("a block that is being taken away is its owner's again once a port of it is wanted", () => {
  const { words, blocks, block, at } = newBlocks();
  words[at + B_OWNER] = -OWNER; // a sweep has marked it and stands still
  const port = blocks.takePort(block, OWNER, 0);
  expect(port).toBeGreaterThan(NONE);
  expect([blocks.owner(block), blocks.used(block), blocks.bindingAt(port)]).toEqual([OWNER, 1, 1]);
  expect(blocks.release(block, OWNER, 10_000)).toBeFalse();
  blocks.freePort(port, false, 10_000);
  expect(blocks.release(block, OWNER, 20_000)).toBeTrue();
  expect(blocks.owner(block)).toBe(RESTING);
});

test("a block that a sweep has left half taken away is taken by the next one", () => {
  const { words, blocks, block, at } = newBlocks();
  words[at + B_OWNER] = -OWNER;
  expect(blocks.release(block, OWNER, 10_000)).toBeTrue();
  blocks.wake(block, 10_000 + 1199);
  expect(blocks.owner(block)).toBe(RESTING);
  blocks.wake(block, 10_000 + 1200);
  expect(blocks.owner(block)).toBe(0);
});

test("nobody gets a port of a block that is another's by now, and it counts none for it", () => {
  const { words, blocks, block, at } = newBlocks();
  for (const owner of [0, OWNER + 1, -OWNER - 1, RESTING]) {
    words[at + B_OWNER] = owner;
    expect(blocks.takePort(block, OWNER, 0)).toBe(NONE);
    expect([words[at + B_USED], words[at + B_OWNER]]).toEqual([0, owner]);
  }
});

test("a block that two threads take for the same need stays with one; a sweep gives the other back, and no log tells of it", () => {
  const buffers = newNatBuffers();
  const nat = natOf(buffers);
  const log = new NatLogReader(buffers.table);
  const { blocks, subscribers } = nat.bindings;
  const take = blocks.take.bind(blocks);
  blocks.take = (share, address, owner, now) => {
    blocks.take = take;
    const entry = subscribers.find();
    expect(subscribers.grow(entry, subscribers.version, share, now)).toBeGreaterThan(0); // the faster thread
    return take(share, address, owner, now);
  };
  expect(out(nat, flow(1), 0).result).toBeGreaterThan(0);
  expect([...listBlocks(nat.bindings)].map(({ used }) => used).sort()).toEqual([0, 1]);
  nat.bindings.sweep(601, nat.bindings.places.blockCount);
  nat.bindings.sweep(2000, nat.bindings.places.blockCount);
  expect([...listBlocks(nat.bindings)].map(({ used }) => used)).toEqual([1]);
  expect(log.read().events.map(({ kind }) => kind)).toEqual(["allocated"]);
});

test("a session begun as its binding went is removed, and the packet begins again", () => {
  const nat = newNat();
  const { bindings } = nat;
  const keep = bindings.keep.bind(bindings);
  let asked = 0;
  bindings.keep = (entry, version) => {
    if (asked++ > 0) return keep(entry, version);
    nat.sessions.entries.sweep(100_000, nat.sessions.entries.slots); // as if it had not been there in time
    expect(bindings.removeUnused(entry, version, 0)).toBeTrue();
    return false;
  };
  const { result, outside } = out(nat, flow(1), 0);
  expect([result > 0, outside !== undefined, asked]).toEqual([true, true, 2]);
  expect(nat.sessions.entries.size).toBe(1);
  expect(nat.sessions.entries.ownerCount(result)).toBe(1);
});

test("a session that names a binding which is another's by now is not believed", () => {
  const nat = newNat();
  const other = out(nat, flow(2), 0).result;
  const mine = out(nat, flow(1), 0);
  const { words } = nat.sessions.entries;
  words[nat.sessions.entries.at(nat.session) + E_PROTOCOL] = (other << 8) | UDP;
  expect(out(nat, flow(1), 0)).toEqual(mine);
});

test("a port's word that names a binding of another port is not believed", () => {
  const buffers = newNatBuffers();
  const nat = natOf(buffers);
  const words = new Int32Array(buffers.table);
  const { result: binding, outside } = out(nat, flow(1), 0);
  const { blocks, places } = nat.bindings;
  const index = blocks.portIndex(0, UDP_INDEX, 60_000);
  words[places.ports + index] = binding; // its port was given back and taken anew, while we had read the word
  expect(nat.bindings.findOutside(rawPool(0), raw(60_000), UDP)).toBe(0);
  expect(nat.bindings.findOutside(outside!.address, raw(outside!.port), UDP)).toBe(binding);
});

test("later fragments bring back what the first one's packet was decided by: RFC 7915 §4.1, §5.1", () => {
  const fragments = new Fragments(createFragmentTable(64, Int32Array.of(1, 2)));
  const about = (identification: number): void => {
    fragments.packet[F_IDENTIFICATION] = identification;
  };
  for (const id of [1, 2, 3]) {
    about(id);
    fragments.carried.set([id * 10, id * 100]);
    fragments.accept(0);
  }
  about(2);
  fragments.carried.set([55, 56]);
  fragments.accept(5); // the first fragment came again, and was decided anew
  for (const [id, carried] of [
    [1, [10, 100]],
    [2, [55, 56]],
    [3, [30, 300]],
  ] as const) {
    about(id);
    expect([fragments.isAccepted(10), ...fragments.carried]).toEqual([true, ...carried]);
  }
  about(4);
  expect(fragments.isAccepted(10)).toBeFalse();
});
