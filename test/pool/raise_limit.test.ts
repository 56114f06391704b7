import { raiseDescriptorLimit } from "duphandle";
import { expect, test } from "vitest";
import { runProgram } from "../support/program.ts";
import { isWindows } from "../support/system.ts";

test.skipIf(isWindows)(
  "raiseDescriptorLimit() raises the soft limit to the hard one, and returns it",
  () => {
    const { result } = runProgram("pool/raise_limit.ts", {
      prefix: ["prlimit", "--nofile=300:700", "--"],
    });
    expect(result).toEqual({ lowered: 300, raised: 700, again: 700, now: 700, last: 699 });
  },
);

test.runIf(isWindows)(
  "raiseDescriptorLimit() is ENOTSUP on Windows, and names DescriptorPool",
  () => {
    expect(raiseDescriptorLimit).toThrow(expect.objectContaining({ code: "ENOTSUP" }));
    expect(raiseDescriptorLimit).toThrow(/use DescriptorPool/);
  },
);
