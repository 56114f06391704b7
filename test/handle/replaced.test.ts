import { expect, test } from "vitest";
import { runProgram } from "../support/program.ts";
import { isDeno, isWindows, temporaryFile } from "../support/system.ts";

test("functions of node:fs and others that a program replaces later are not called", () => {
  using file = temporaryFile("first text");
  const { result } = runProgram("handle/replaced.ts", { args: [file.path] });
  const adopted = {
    copyFileHandleSync: "first",
    toFd: "first",
    copyFileHandle: 5,
    toFileHandle: 5,
    pool: true,
    inspect: "file",
  };
  expect(result).toEqual({
    replaced: true,
    called: [],
    done: {
      ...(isWindows && isDeno ? {} : adopted),
      ...(isWindows ? {} : { redirect: "moved" }),
      spawn: 0,
      receive: "closed",
    },
  });
});
