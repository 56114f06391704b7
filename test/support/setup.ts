/** Runs around every test: it must end with the handles that it began with. */
import * as child_process from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { duplicate, type HandleReport, type HandleTracker, trackHandles } from "duphandle";
import { afterEach, beforeAll, beforeEach, expect } from "vitest";
import { unexpected } from "./expected_problems.ts";
import { leftOpen, openHandles, settled } from "./open_handles.ts";
import { root } from "./program.ts";
import { temporaryFile } from "./system.ts";

// Every Node that a test starts reads some 150 modules: compiled once, they are there four times as fast.
const cache = path.join(root, "node_modules", ".cache", "compiled");
process.env["NODE_COMPILE_CACHE"] ??= cache;
if (process.getuid?.() === 0) {
  // Each user has a folder of its own in it, also those that some tests start a Node as.
  fs.mkdirSync(cache, { recursive: true });
  fs.chmodSync(cache, 0o1777);
}

let before: string[] = [];
let tracker: HandleTracker;

beforeAll(async () => {
  // The first use loads libraries and starts the runtime's threads, which stay.
  using file = temporaryFile("");
  const opened = await fs.promises.open(file.path);
  await opened.read(new Uint8Array(1));
  await opened.close();
  using _ = trackHandles();
  duplicate(1).close();
  child_process.spawnSync(process.execPath, ["--version"], { cwd: os.tmpdir(), stdio: "ignore" });
  await settled();
});

beforeEach(() => {
  before = openHandles();
  tracker = trackHandles();
});

afterEach(async () => {
  const left = await leftOpen(before);
  tracker.stop();
  const { testPath = "" } = expect.getState();
  const { found, missing } = unexpected(testPath, tracker.reports);
  expect(found.map(show), "mistakes with handles, see expectedProblems()").toEqual([]);
  expect(missing, "mistakes that the test expects and does not make").toEqual([]);
  expect(left, "handles left open by the test").toEqual([]);
});

/** A report as text, to be read where a test fails. */
function show({ problem, message, created, closed, now }: HandleReport): string {
  const places = [`made ${created}`, ...closed === undefined ? [] : [`closed ${closed}`]];
  return [`${problem}: ${message}`, ...places, `now ${now}`].join("\n");
}
