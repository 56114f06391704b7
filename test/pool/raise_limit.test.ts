import { raiseDescriptorLimit } from "duphandle";
import { expect, test } from "vitest";
import { runProgram } from "../support/program.ts";
import { isWindows } from "../support/system.ts";

test.skipIf(isWindows)(
  "raiseDescriptorLimit() raises the soft limit to the hard one, and errors advise it until then",
  () => {
    const { result } = runProgram("pool/raise_limit.ts", {
      prefix: ["prlimit", "--nofile=300:700", "--"],
    });
    const { advice, ...limits } = result as { advice: string[] };
    expect(limits).toEqual({ lowered: 300, raised: 700, again: 700, now: 700, last: 699 });
    expect(advice[0]).toMatch(/, raise the limit to 700 by raiseDescriptorLimit\(\), or use Desc/);
    // It would be no help now.
    expect(advice[1]).toMatch(
      /, have root raise the limit before the start \(ulimit -n, LimitNOFILE/,
    );
  },
);

test.runIf(isWindows)(
  "raiseDescriptorLimit() is ENOTSUP on Windows, and names DescriptorPool",
  () => {
    expect(raiseDescriptorLimit).toThrow(expect.objectContaining({ code: "ENOTSUP" }));
    expect(raiseDescriptorLimit).toThrow(/use DescriptorPool/);
  },
);
