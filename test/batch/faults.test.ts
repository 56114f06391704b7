/** Many handles at once, as the kernel sees it: how many calls there are, and what if one of them fails. */
import * as fs from "node:fs";
import { describe, expect, test } from "vitest";
import { runProgram } from "../support/program.ts";
import { isDeno, temporaryFile, temporaryFolder } from "../support/system.ts";
import { canTrace, failing, strace } from "../support/trace.ts";

/** Deno makes a pair of sockets for itself at its start, and a Node that has TypeScript compiled does. */
const hasOwnSockets = isDeno || Number(process.versions.node.split(".")[0]) < 24;

/** Runs a program under strace: what it reports, and the lines that strace has written. */
function traced(
  name: string,
  options: readonly string[],
  args: readonly string[] = [],
): { result: unknown; lines: string[] } {
  using folder = temporaryFolder();
  const log = `${folder.path}/trace`;
  const prefix = strace(log, ["-e", "signal=none", ...options]);
  const { result } = runProgram(name, { prefix, args });
  return { result, lines: fs.readFileSync(log, "utf8").split("\n") };
}

/** What the program reports while system calls fail as told, each told as `calls:how`. */
function faulty(faults: readonly string[], args: readonly string[] = []): unknown {
  const calls = faults.map((fault) => fault.slice(0, fault.indexOf(":")));
  const injected = faults.flatMap((fault) => ["-e", `inject=${fault}`]);
  const options = ["-e", `trace=${calls.join(",")}`, ...injected];
  const { result, lines } = traced("batch/fault.ts", options, args);
  expect(lines.some((line) => line.includes("(INJECTED)")), "nothing has failed").toBe(true);
  return result;
}

describe.runIf(canTrace)("when the kernel fails (injected, by strace, on Linux)", () => {
  const unnoticed = { made: 600, left: 0 };
  const sending = [
    ...hasOwnSockets ? [] : ["socketpair:error=EMFILE:when=1"],
    ...[1, 2, 3].map((when) => `sendmsg:error=ENOMEM:when=${when}`),
    ...[1, 2, 3].map((when) => `recvmsg:error=ENOMEM:when=${when}`),
    "recvmsg:error=EMFILE:when=2+",
  ];
  test.each(sending)("duplicateMany() makes all one by one, and keeps no others: %s", (fault) => {
    expect(faulty([fault])).toEqual(unnoticed);
  });

  // Bun calls it once at its start.
  const closing = ["error=ENOSYS", "error=EPERM", "error=EPERM:when=2+", "error=ENOSYS:when=3+"];
  test.each(closing)("closeMany() closes all one by one: close_range with %s", (how) => {
    expect(faulty([`close_range:${how}`])).toEqual(unnoticed);
  });

  test("closeMany() then reports what other code has closed, and closes the others", () => {
    // The answer is that all are open, as if it was closed just after that.
    const faults = ["?select,?pselect6:retval=0", "close_range:error=ENOSYS"];
    const expected = { made: 600, code: "EBADF", isVictim: true, left: 0 };
    expect(faulty(faults, ["/dev/null", "600", "stolen"])).toEqual(expected);
  });

  const few = [["ENOMEM", 2], ["EMFILE", 11], ["ENOMEM", 21]] as const;
  test.each(few)("a few handles are all made or none: %s at call %i of 21", (code, when) => {
    using file = temporaryFile("");
    const prefix = failing(file.path, `fcntl:error=${code}:when=${when}`);
    const { result } = runProgram("batch/fault.ts", { prefix, args: [file.path, "20"] });
    expect(result).toEqual({ made: 0, code, left: 0 });
  });
});

test.runIf(canTrace)("many handles cost few system calls (counted by strace, on Linux)", () => {
  const { result, lines } = traced("batch/count.ts", []);
  const at = (mark: string) => lines.findIndex((line) => line.includes(`"/duphandle-${mark}"`));
  const [begin, end] = [at("begins"), at("ends")];
  expect(begin).toBeGreaterThan(0);
  // Other threads of the runtime are left out, and a call that is told in two lines is one.
  const thread = lines[begin]!.split(" ", 1)[0]!;
  const calls = lines.slice(begin + 1, end)
    .filter((line) => line.startsWith(`${thread} `) && !line.includes(" resumed>"));
  const count = result as number;
  expect(count).toBeGreaterThan(500);
  // A message has 253 handles at most; each is sent and received.
  expect(calls.length).toBeGreaterThan(count / 253 * 2);
  expect(calls.length).toBeLessThan(count / 10);
});
