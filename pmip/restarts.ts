/** An anchor was restarted, or answers again: what depends on it is told anew at once. RFC 5847 §3.2. */
import { postCorrespondence } from "#pmip/correspondents";
import type { AddressHex } from "#pmip/events";
import { count, type Instance } from "#pmip/instance";
import { HANDOFF } from "#pmip/packet/numbers";
import type { Heard } from "#pmip/peers";
import { postRegistration } from "#pmip/registrations";
import { rendezvousHeard } from "#pmip/segments/memberships";

export function peerHeard(instance: Instance, address: AddressHex, heard: Heard): void {
  if (heard === "nothing") return;
  rendezvousHeard(instance, address, heard);
  if (heard === "restarted") count(instance, "peer-restarted");
  for (const { registrations } of instance.hosted.values()) {
    const registration = registrations.get(address);
    if (registration === undefined || registration.role !== "home") continue;
    // One that only was out of reach has what it was told; what it was not told, it gets now and not at the next attempt.
    if (heard === "returned" && registration.state === "registered") continue;
    if (heard === "restarted") registration.handoff = HANDOFF.UNKNOWN;
    postRegistration(instance, registration, "anchorRestarted");
  }
  if (heard !== "restarted") return;
  for (const known of instance.correspondences.values()) {
    if (known.home === address) postCorrespondence(instance, known, "homeRestarted");
  }
}
