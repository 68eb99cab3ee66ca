/** Interface states and events as a table: RFC 2328 §9.1 to §9.3, with the changes of RFC 5340 §4.1.2. */

export type InterfaceState = "Down" | "Waiting" | "PointToPoint" | "DROther" | "Backup" | "DR";

export type InterfaceEvent =
  | "InterfaceUp"
  | "WaitTimer"
  | "BackupSeen"
  | "NeighborChange"
  /** The link stopped carrying packets, or the operator took the interface away. */
  | "InterfaceDown";

export type InterfaceAction =
  /** Hellos begin; enter PointToPoint, Waiting or, when never to be designated, DROther. */
  | "start"
  /** The election of §9.4 says what state follows. */
  | "elect"
  /** All neighbors are killed, all variables as at the start. */
  | "reset";

/** A missing cell is an event that means nothing in that state. */
export const INTERFACE_MACHINE: Record<InterfaceState, Partial<Record<InterfaceEvent, InterfaceAction>>> = {
  Down: { InterfaceUp: "start" },
  Waiting: { WaitTimer: "elect", BackupSeen: "elect", InterfaceDown: "reset" },
  PointToPoint: { InterfaceDown: "reset" },
  DROther: { NeighborChange: "elect", InterfaceDown: "reset" },
  Backup: { NeighborChange: "elect", InterfaceDown: "reset" },
  DR: { NeighborChange: "elect", InterfaceDown: "reset" },
};
