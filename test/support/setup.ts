/** Runs around every test: it must end with the handles that it began with. */
import * as child_process from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import { duplicate } from "duphandle";
import { afterEach, beforeAll, beforeEach, expect } from "vitest";
import { leftOpen, openHandles, settled } from "./open_handles.ts";
import { temporaryFile } from "./system.ts";

let before: string[] = [];

beforeAll(async () => {
  // The first use loads libraries and starts the runtime's threads, which stay.
  using file = temporaryFile("");
  const opened = await fs.promises.open(file.path);
  await opened.read(new Uint8Array(1));
  await opened.close();
  duplicate(1).close();
  child_process.spawnSync(process.execPath, ["--version"], { cwd: os.tmpdir(), stdio: "ignore" });
  await settled();
});

beforeEach(() => {
  before = openHandles();
});

afterEach(async () => {
  expect(await leftOpen(before), "handles left open by the test").toEqual([]);
});
