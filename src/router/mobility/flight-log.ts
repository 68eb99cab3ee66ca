/** The flight recorder at work: it is told by the core and the VMs' registry, and looks at counters while a VM is in flight. */
import type { Millis } from "#base/time";
import type { MobilityNote } from "#pmip/events";
import type { Fabric } from "#router/config/model";
import { FlightRecorder, type FlightRecorderOptions } from "#router/mobility/flights";
import type { Whereabouts } from "#router/mobility/places";
import { peerText, subjectText } from "#router/mobility/subjects";
import type { FlightReport, FlightsView } from "#router/mobility/views";
import type { VmChange } from "#router/vms/events";

/** Milliseconds between looks at the counters of a VM in flight. */
const FINE = 1;

export interface FlightLogOptions extends FlightRecorderOptions {
  readonly fabric: () => Fabric;
  /** Unix milliseconds, with fractions. */
  readonly now: () => Millis;
}

export class FlightLog {
  readonly #options: FlightLogOptions;
  readonly #recorder: FlightRecorder;
  #timer: Timer | undefined;

  constructor(options: FlightLogOptions) {
    this.#options = options;
    this.#recorder = new FlightRecorder(options);
  }

  /** Said the moment it is in force. */
  state(change: VmChange): void {
    this.#recorder.state({ ...change, at: this.#options.now() });
    this.#watch();
  }

  /** A frame came from a VM that forwarders did not know to be active. */
  firstFrame(vm: string): void {
    this.#recorder.firstFrame(vm, this.#options.now());
  }

  noted({ what, subject, peer, status, about }: MobilityNote, vm: string | undefined, at: Millis): void {
    const fabric = this.#options.fabric();
    const name = subjectText(subject, fabric);
    const detail = [
      ...(status === undefined ? [] : [`status ${status}`]),
      ...(about === undefined ? [] : [`about ${peerText(about, fabric)}`]),
    ].join(", ");
    this.#recorder.note(
      {
        ...{ vm: vm ?? name, what, peer: peerText(peer, fabric), subject: name },
        ...(status !== undefined && { status }),
        ...(detail !== "" && { detail }),
      },
      at,
    );
    this.#watch();
  }

  /** A subject's place in the tables changed. */
  moved(
    { from, to }: { readonly from: Whereabouts | undefined; readonly to: Whereabouts },
    vm: string | undefined,
    at: Millis,
  ): void {
    const fabric = this.#options.fabric();
    const name = subjectText(to.subject, fabric);
    const isOld = typeof from?.place === "object" && typeof to.place === "object" && from.place.mag !== to.place.mag;
    if (to.role === "home" && isOld) this.#recorder.moved(vm ?? name, at);
    const words = { unknown: "no longer anywhere else", native: "at home" };
    const where = typeof to.place === "string" ? words[to.place] : `at ${peerText(to.place.mag, fabric)}`;
    this.#recorder.note({ vm: vm ?? name, what: "whereabouts", subject: name, detail: `${where} (${to.role})` }, at);
    this.#watch();
  }

  view(): FlightsView {
    return { flights: this.#recorder.list() };
  }

  /** Of the VM's last move; undefined: there was none. */
  report(vm: string): FlightReport | undefined {
    this.#recorder.look(this.#options.now());
    return this.#recorder.report(vm);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #watch(): void {
    if (this.#timer !== undefined || !this.#recorder.isWatching) return;
    this.#timer = setInterval(() => {
      this.#recorder.look(this.#options.now());
      if (!this.#recorder.isWatching) this.stop();
    }, FINE);
  }
}
