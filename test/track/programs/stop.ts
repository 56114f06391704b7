/** Tells whether everything is as it was when the last tracker has stopped, in whatever order. */
import { duplicate, OwnedHandle, trackHandles } from "duphandle";
import { batches } from "../../../src/batch/platform.ts";
import { processes } from "../../../src/process/platform.ts";
import { platform } from "../../../src/handle/platform.ts";
import { report } from "../../support/report.ts";

/** The properties of everything that a tracker might change. */
function properties(): PropertyDescriptor[] {
  const objects = [
    OwnedHandle,
    OwnedHandle.prototype,
    Object.getPrototypeOf(OwnedHandle.prototype),
  ];
  return [...objects, platform(), batches(), processes()].flatMap((
    object,
  ) => Reflect.ownKeys(object).map((key) => Object.getOwnPropertyDescriptor(object, key)!));
}

function areSame(before: PropertyDescriptor[], now: PropertyDescriptor[]): boolean {
  const keys = ["value", "get", "set", "writable", "enumerable", "configurable"] as const;
  return before.length === now.length &&
    before.every((each, at) => keys.every((key) => each[key] === now[at]![key]));
}

const before = properties();
const first = trackHandles();
const second = trackHandles();
const changed = !areSame(before, properties());
const forgotten = duplicate(1);
first.stop(); // before the one that was started last
first.stop();
second.stop();
const reports = first.reports.map(({ problem }) => problem);
const same = areSame(before, properties());
forgotten.close();
forgotten.close();
duplicate(1).close();
report({ changed, same, reports, after: second.reports.map(({ problem }) => problem) });
