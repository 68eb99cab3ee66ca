/** What `show drops` answers, as JSON: frames since the router's start, or since the port is there. */

export interface DropsView {
  /** Those that happened, the most frequent of late first. */
  readonly reasons: readonly DropReasonView[];
}

export interface DropCount {
  readonly frames: number;
  /** Frames a second, in the last second and on average in the last minute; null: told only when it is asked for. */
  readonly lastSecond: number | null;
  readonly lastMinute: number | null;
}

export interface DropReasonView extends DropCount {
  readonly reason: string;
  readonly meaning: string;
  readonly ports: readonly DropPortView[];
  /** The last of them, the latest first; few are taken of many. */
  readonly samples: readonly DropSampleView[];
}

export interface DropPortView extends DropCount {
  readonly port: string;
  /** Whose: a VM's own, or of a fabric port's frames whom they were for; null: unknown. */
  readonly tenant: string | null;
  /** `blue/prod`. */
  readonly network: string | null;
}

export interface DropSampleView {
  /** Unix milliseconds. */
  readonly at: number;
  readonly port: string;
  /** The packet in a line. */
  readonly packet: string;
}
