/** Runs around every test: it must end with the handles that it began with. */
import * as child_process from "node:child_process";
import * as os from "node:os";
import { duplicate } from "duphandle";
import { afterEach, beforeAll, beforeEach, expect } from "vitest";
import { newHandles, openHandles } from "./open_handles.ts";
import { isWindows, temporaryFile } from "./system.ts";

/** Windows tells a number only, and the runtime's own threads come and go. */
const SLACK = isWindows ? 3 : 0;

let before: string[] = [];

beforeAll(() => {
  // The first use loads libraries and starts threads, which stay.
  using _file = temporaryFile("");
  duplicate(1).close();
  void [process.stdin, process.stdout, process.stderr];
  if (!isWindows) child_process.spawnSync(process.execPath, ["--version"], { cwd: os.tmpdir() });
});

beforeEach(() => {
  before = openHandles();
});

afterEach(async () => {
  // A runtime closes some things only after the promise that told of their end.
  for (let wait = 1; wait < 500 && newHandles(before).length > SLACK; wait *= 2) {
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
  const left = newHandles(before);
  expect(left.length > SLACK ? left : [], "handles left open by the test").toEqual([]);
});
