/**
 * Loaded before a router's own program: on SIGUSR2 its OSPF core throws at the next event, as a defect of ours would have
 * it do. Once for each signal.
 */
import { Ospf } from "#ospf/ospf";

let isToFail = false;
process.on("SIGUSR2", () => {
  isToFail = true;
});

const handle = Ospf.prototype.handle;
Ospf.prototype.handle = function (event, now) {
  if (!isToFail) return handle.call(this, event, now);
  isToFail = false;
  throw new Error("failing as a test wants it to");
};
