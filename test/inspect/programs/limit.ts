/**
 * Inspects handles with no descriptor left, then with one: `limit.ts PID`, where PID is another process
 * whose handles do not change.
 */
import { spawnSync } from "node:child_process";
import {
  allowTake,
  duplicate,
  inspectHandle,
  isSameObject,
  listHandles,
  openProcess,
  OwnedHandle,
  raiseDescriptorLimit,
  trackHandles,
} from "duphandle";
import * as posix from "duphandle/posix";
import { openDescriptors } from "../../../ffi/posix/identity.ts";
import { settled } from "../../support/open_handles.ts";
import { openRaw, readRaw } from "../../support/system.ts";
import { report, thrownBy } from "../../support/report.ts";

const LIMIT = 100;
const other = Number(process.argv[2]);
const path = process.argv[1]!;

await settled();
spawnSync("prlimit", [`--nofile=${LIMIT}:700`, `--pid=${process.pid}`]);
const start = openDescriptors();
const handle = openRaw(path, "r");
readRaw(handle.raw, 3);
const copy = duplicate(handle);
const stranger = openRaw(path, "r");

/** The results of inspection, and the descriptors that it leaves open. */
function inspectAll() {
  const before = openDescriptors();
  const own = listHandles();
  const seen = {
    inspected: inspectHandle(handle),
    same: [copy, stranger].map((each) => isSameObject(handle, each)),
    listed: own.find(({ raw }) => raw === handle.raw),
    all: own.map(({ raw }) => raw).join() === before.join(),
  };
  let theirs: unknown;
  const error = thrownBy(() => theirs = listHandles(other)) ?? null;
  const left = openDescriptors().filter((fd) => !before.includes(fd));
  return { seen, theirs: theirs ?? null, error, left };
}

function fill(): OwnedHandle[] {
  const made: OwnedHandle[] = [];
  thrownBy(() => {
    for (;;) made.push(duplicate(stranger));
  });
  return made;
}

/** Makes mistakes with handles that exist already, and returns what a tracker reports of them. */
function track(fillers: OwnedHandle[]): unknown {
  using tracker = trackHandles();
  const next = () => OwnedHandle.fromRaw(fillers.pop()!.release());
  const [forgotten, twice, recycled] = [next(), next(), next()];
  const leaks = tracker.leaks().map(({ raw }) => raw);
  const isRight = leaks.join() === [forgotten, twice, recycled].map(({ raw }) => raw).join();
  twice.close();
  posix.dup(stranger.raw);
  twice.close();
  const { raw } = recycled;
  posix.close(raw);
  const isTaken = posix.dup(0) === raw; // the only free number, and another object
  const error = thrownBy(() => recycled.close());
  const problems = tracker.reports.map(({ problem }) => problem);
  forgotten.close();
  return { isRight, isTaken, code: error?.["code"], problems };
}

{
  // Deno reads /proc/self/maps for its first stack trace, and ends the process when it cannot.
  using _ = trackHandles();
  duplicate(handle).close();
}
const before = inspectAll();
const fillers = fill();
const count = openDescriptors().length;
const full = inspectAll();
const opened = thrownBy(() => openProcess(other))?.["code"];
const allowed = [process.ppid, "any" as const].map((whom) =>
  thrownBy(() => allowTake(whom)) ?? null
);
fillers.pop()!.close();
const one = inspectAll();
fillers.push(...fill());
const tracked = track(fillers);
fill();
const raised = raiseDescriptorLimit();
const more = openRaw(path, "r").raw;
for (const fd of openDescriptors()) if (!start.includes(fd)) posix.close(fd);
report({ before, full, one, count, opened, allowed, tracked, raised, more });
