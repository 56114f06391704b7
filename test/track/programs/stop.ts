/**
 * Tells whether everything that a tracker might change stays as it is while trackers run, and whether
 * nothing observes handles any more when the last tracker has stopped, in whatever order.
 */
import { BorrowedHandle, Handle, OwnedHandle, ProcessHandle } from "duphandle";
import { duplicate, trackHandles } from "duphandle";
import { report } from "../../support/report.ts";

/** The properties of everything that a tracker might change. */
function properties(): PropertyDescriptor[] {
  const classes = [Handle, BorrowedHandle, OwnedHandle, ProcessHandle];
  const objects = [...classes, ...classes.map(({ prototype }) => prototype)];
  return objects.flatMap((object) =>
    Reflect.ownKeys(object).map((key) => Object.getOwnPropertyDescriptor(object, key)!)
  );
}

function areSame(before: PropertyDescriptor[], now: PropertyDescriptor[]): boolean {
  const keys = ["value", "get", "set", "writable", "enumerable", "configurable"] as const;
  return before.length === now.length &&
    before.every((each, at) => keys.every((key) => each[key] === now[at]![key]));
}

/** How often a stack was taken: whatever observes a handle takes one when the handle is made. */
let stacks = 0;
const captureStackTrace = Error.captureStackTrace;
Error.captureStackTrace = (...args) => {
  stacks++;
  captureStackTrace(...args);
};

function isObserved(): boolean {
  stacks = 0;
  duplicate(1).close();
  return stacks > 0;
}

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
