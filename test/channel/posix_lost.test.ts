/** A message on Linux whose handles cannot be received: each later one has its own. */
import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { runProgram } from "../support/program.ts";
import { temporaryFolder } from "../support/system.ts";
import { canTrace, strace } from "../support/trace.ts";

test.runIf(canTrace).each([0, 1, 2])(
  "message %i is lost without memory for its handles, and the others have theirs (needs strace)",
  (lost) => {
    using folder = temporaryFolder();
    const files = ["one", "two", "three"].map((name) => path.join(folder.path, name));
    for (const file of files) fs.writeFileSync(file, path.basename(file));
    // The first two calls of a server read what each connection of the client is for.
    const fault = `inject=recvmsg:error=ENOMEM:when=${3 + lost}`;
    const { result } = runProgram("channel/posix_lost.ts", {
      args: files,
      prefix: strace("/dev/null", ["-e", "trace=recvmsg", "-e", fault]),
    });
    const expected = files.map((file) => `${file}: ${path.basename(file)}`);
    expected[lost] = "ENOMEM";
    expect(result).toEqual(expected);
  },
);
