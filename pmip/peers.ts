/**
 * Heartbeats with the anchors that something is registered at or was asked of: RFC 5847. An anchor that does not answer
 * loses nothing: what it knows is soft state. One that was restarted has lost all: it is told again at once.
 */
import { UNSCHEDULED } from "#pmip/agenda";
import type { AddressHex } from "#pmip/events";
import { cancel, count, type Instance, nowOf, wakeAt } from "#pmip/instance";
import type { Heartbeat } from "#pmip/packet/message";
import type { Peer } from "#pmip/state";
import { jittered, send } from "#pmip/transmit";

/** One more registration or correspondence depends on it. Without room there are no heartbeats with it. */
export function join(instance: Instance, address: AddressHex): void {
  const known = instance.peers.get(address);
  if (known !== undefined) {
    known.users++;
    return;
  }
  if (instance.peers.size >= instance.config.limits.peers) {
    count(instance, "peers-full");
    return;
  }
  const peer: Peer = {
    ...UNSCHEDULED,
    kind: "peer",
    address,
    users: 1,
    restartCounter: undefined,
    heardAt: undefined,
    sequence: 0,
    sentAt: 0,
    isAnswered: true,
    missed: 0,
    roundTrip: undefined,
  };
  instance.peers.set(address, peer);
  beat(instance, peer);
}

export function leave(instance: Instance, address: AddressHex): void {
  const peer = instance.peers.get(address);
  if (peer === undefined || --peer.users > 0) return;
  cancel(instance, peer);
  instance.peers.delete(address);
  instance.offsets.delete(address);
}

/** §3.1: before each request, the last one is found answered or missed. */
export function beat(instance: Instance, peer: Peer): void {
  if (!peer.isAnswered) {
    peer.missed++;
    if (peer.missed === instance.config.timers.missingHeartbeats + 1) count(instance, "peer-silent");
  }
  peer.sequence = (peer.sequence + 1) >>> 0;
  peer.sentAt = nowOf(instance);
  peer.isAnswered = false;
  const way = { from: instance.config.address, to: peer.address };
  send(instance, way, { type: "heartbeat", kind: "request", sequence: peer.sequence, options: {} });
  wakeAt(instance, peer, nowOf(instance) + jittered(instance, instance.config.timers.heartbeat));
}

/** What an answer says about its sender. returned: it had not answered for long, and is the same as before. */
export type Heard = "nothing" | "returned" | "restarted";

export function receiveHeartbeat(
  instance: Instance,
  source: AddressHex,
  destination: AddressHex,
  { kind, sequence, options }: Heartbeat,
): Heard {
  if (kind === "request") {
    const { restartCounter } = instance.config;
    const way = { from: destination, to: source };
    send(instance, way, { type: "heartbeat", kind: "response", sequence, options: { restartCounter } });
    return "nothing";
  }
  const peer = instance.peers.get(source);
  if (peer === undefined) return refused(instance, "heartbeat-unmatched");
  const { restartCounter: told } = options;
  if (told === undefined) return refused(instance, "heartbeat-without-counter");
  if (kind === "unsolicited-response") return unsolicited(instance, peer, told);
  if (peer.isAnswered || sequence !== peer.sequence) return refused(instance, "heartbeat-unmatched");
  return hear(instance, peer, told);
}

/** §3.2: unasked for, it could be an old one; a counter that is not ahead says nothing new. */
function unsolicited(instance: Instance, peer: Peer, told: number): Heard {
  const { restartCounter } = peer;
  if (restartCounter === undefined || ((told - restartCounter) | 0) <= 0) return refused(instance, "heartbeat-old");
  peer.heardAt = nowOf(instance);
  peer.restartCounter = told;
  return "restarted";
}

function hear(instance: Instance, peer: Peer, told: number): Heard {
  const { restartCounter, missed } = peer;
  peer.heardAt = nowOf(instance);
  peer.roundTrip = peer.heardAt - peer.sentAt;
  peer.isAnswered = true;
  peer.missed = 0;
  peer.restartCounter = told;
  // Of one that was silent before it was ever heard nobody knows how often it was restarted.
  if (restartCounter === undefined) return missed > 0 ? "restarted" : "nothing";
  if (restartCounter !== told) return "restarted";
  return missed > 0 ? "returned" : "nothing";
}

function refused(instance: Instance, name: string): Heard {
  count(instance, name);
  return "nothing";
}
