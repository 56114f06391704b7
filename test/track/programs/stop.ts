/**
 * Tells whether everything that a tracker might change stays as it is while trackers run, and whether
 * nothing observes handles any more when the last tracker has stopped, in whatever order.
 */
import { BorrowedHandle, Handle, OwnedHandle, ProcessHandle } from "duphandle";
import { duplicate, trackHandles } from "duphandle";
import { batches } from "../../../src/batch/platform.ts";
import { observer } from "../../../src/handle/hooks.ts";
import { processes } from "../../../src/process/platform.ts";
import { platform } from "../../../src/handle/platform.ts";
import { report } from "../../support/report.ts";

/** The properties of everything that a tracker might change. */
function properties(): PropertyDescriptor[] {
  const classes = [Handle, BorrowedHandle, OwnedHandle, ProcessHandle];
  const objects = [...classes, ...classes.map(({ prototype }) => prototype)];
  return [...objects, platform(), batches(), processes()].flatMap((
    object,
  ) => Reflect.ownKeys(object).map((key) => Object.getOwnPropertyDescriptor(object, key)!));
}

function areSame(before: PropertyDescriptor[], now: PropertyDescriptor[]): boolean {
  const keys = ["value", "get", "set", "writable", "enumerable", "configurable"] as const;
  return before.length === now.length &&
    before.every((each, at) => keys.every((key) => each[key] === now[at]![key]));
}

const isObserved = () => observer !== undefined;

const before = properties();
const observed = [isObserved()];
const first = trackHandles();
const second = trackHandles();
observed.push(isObserved());
const sameWhileRunning = areSame(before, properties());
const forgotten = duplicate(1);
first.stop(); // before the one that was started last
first.stop();
observed.push(isObserved());
second.stop();
observed.push(isObserved());
const reports = first.reports.map(({ problem }) => problem);
const same = areSame(before, properties());
forgotten.close();
forgotten.close();
duplicate(1).close();
const after = second.reports.map(({ problem }) => problem);
const third = trackHandles(); // starts again
observed.push(isObserved());
third.stop();
observed.push(isObserved());
report({ sameWhileRunning, same, observed, reports, after });
