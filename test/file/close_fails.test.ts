/** A result that exists is returned, whatever the close of what is no longer needed says. */
import { expect, test } from "vitest";
import { runProgram } from "../support/program.ts";
import { isBun, isDeno, temporaryFile } from "../support/system.ts";
import { canTrace, failing } from "../support/trace.ts";

/** What the library itself closes in every runtime: an owner, or a temporary handle. */
const byLibrary = [
  "duplicate an owner",
  "duplicate with access and minimum",
  "duplicateMany",
  "copyFileHandle of an owner",
];
/** What the runtime closes. Deno and Bun do not tell that their close has failed. */
const byRuntime = [
  "duplicate a descriptor",
  "duplicate a FileHandle",
  "copyFileHandle of a FileHandle",
  "copyFileHandleSync",
  "fromFd of a descriptor",
  "fromFd of a FileHandle",
];
/** What closes a handle in Deno only: Node and Bun take the handle itself. */
const inDeno = [
  "copyFileHandle with access",
  "copyFileHandleSync with access",
  "toFd",
  "toFileHandle",
];

test.runIf(canTrace).each(["EIO", "ENOSPC"])(
  "a close that fails with %s takes no result away, and is a warning (injected, by strace, on Linux)",
  (code) => {
    using file = temporaryFile("contents");
    const warning = [
      ...byLibrary,
      ...isDeno || isBun ? [] : byRuntime,
      ...isDeno ? inDeno : [],
    ];
    const { result } = runProgram("file/close_fails.ts", {
      args: [file.path, ...warning],
      prefix: failing(file.path, `close:error=${code}`),
    });
    const outcomes = [...byLibrary, ...byRuntime, ...inDeno].map((name) => {
      const read = name === "duplicateMany" ? "contents,contents" : "contents";
      return [name, warning.includes(name) ? [read, code] : [read]];
    });
    expect(result).toEqual({
      outcomes: Object.fromEntries(outcomes),
      uncaught: [],
    });
  },
);
