import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { runProgram } from "./support/program.ts";
import { isDeno, isWindows } from "./support/system.ts";

const examples = path.resolve(import.meta.dirname, "..", "examples");
/** Deno for Windows tells the HANDLE of no descriptor above 2, so it cannot copy a FileHandle. */
const sourcesOfNodeFs = !(isDeno && isWindows);

const needsFileHandles = new Set([
  "two_owners.ts",
  "read_only_copy.ts",
  "log_rotation.ts",
  "read_only_child.ts",
]);

/** What each example must print. */
const expected: Readonly<Record<string, RegExp>> = {
  "capture_stdout.ts": isWindows
    ? /Cannot redirect fd 1: on Windows the runtime keeps the HANDLE/
    : /captured:\n {2}from console.log\n {2}from the system\n {2}from a child/,
  "broker.ts":
    /worker: (I may not|this runtime has no sandbox).*\nbroker: secret.txt is not for you\nbroker: here it is\nworker: it says for everybody/,
  "list_handles.ts":
    /^process \d+ has \d+ handles:\nhandle +kind +access +inherited +position +shared +what\n(0x|0 )[^]+ (file|device) /m,
  "log_writer.ts":
    /the first supervisor gave a file\nwithout it the writer goes on\nthe second supervisor gave another file/,
  "demo.ts": /the position is shared/,
  "recover_deleted.ts": isWindows ? /which only Linux has/ : /fd 5 was service.log:\nprecious\n/,
  "tail_many.ts":
    /following \d+ logs\n(\d+.log: round 1, line \d\n){3}round 1: 3 new lines\n[^]*\n100 have a descriptor, \d+ wait/,
  "two_owners.ts": /^header\nbody\n$/m,
  "read_only_copy.ts": /10 coins\nit cannot write: E\w+\nin the end: 20 coins/,
  "read_only_child.ts": /the child reads: 10 coins\nit cannot write: E\w+\nin the end: 10 coins/,
  "wait_for_parent.ts":
    /parent: my child has a handle of me, and I end\nchild: my parent has ended/,
  "log_rotation.ts": isWindows
    ? /Windows cannot do it in one step/
    : /service.log.1 "line 1\\n.*line 4\\n"\n.*\n.*\nservice.log "line 13\\n"/,
};

test("every example is known to the tests", () => {
  expect(fs.readdirSync(examples).sort()).toEqual(Object.keys(expected).sort());
});

for (const [file, output] of Object.entries(expected)) {
  test.runIf(sourcesOfNodeFs || !needsFileHandles.has(file))(
    `examples/${file} prints what it should`,
    () => {
      // On Windows one of them ends with the error that says why it cannot work there.
      const { output: printed } = runProgram(path.join(examples, file), { mayFail: isWindows });
      expect(printed.replaceAll("\r", "")).toMatch(output);
    },
  );
}
