/** A pool at the limits of the system, and one whose system calls fail: a call does all or nothing. */
import { describe, expect, test } from "vitest";
import { anybodysFolder, canChangeUser, nobody, withHome } from "../support/nobody.ts";
import { hasCommand, lastLine, root, runProgram } from "../support/program.ts";
import { canTrace, strace } from "../support/trace.ts";

const isLinux = process.platform === "linux";
const hasLimits = isLinux && hasCommand("prlimit");
const limited = ["prlimit", "--nofile=256:256", "--"];
interface Faults {
  readonly codes: Readonly<Record<string, number>>;
  readonly left: number;
  /** The messages of `EMFILE`. */
  readonly advice: readonly string[];
}

/** Runs the program while one system call fails with this error, at these of its calls. */
function fault(call: string, error: string, when: string): Faults {
  const inject = ["-e", `trace=${call}`, "-e", `inject=${call}:error=${error}:when=${when}`];
  return runProgram("pool/fault.ts", {
    prefix: [...limited, ...strace("/dev/null", inject)],
  }).result as Faults;
}

test.runIf(hasLimits && canChangeUser)(
  "when the system keeps no more files, add() fails and all else goes on (needs root and setpriv, to be another user)",
  () => {
    using home = anybodysFolder();
    const { output } = runProgram("pool/limit.ts", {
      prefix: [...nobody, ...withHome(home.path), ...limited],
      args: [`${root}/LICENSE`],
    });
    const result = lastLine(output) as Record<string, unknown>;
    // The soft limit is the hard one, so raiseDescriptorLimit() is no help.
    const full = expect.stringMatching(
      /^EMFILE: .*close files of pools, run as root or with CAP_SYS_RESOURCE, or have root raise /,
    ) as string;
    expect(result).toEqual({
      error: full,
      again: full,
      // The limit of the user, less the ends of the sockets, and what is not yet on its way.
      first: expect.closeTo(240, -1.7) as number,
      second: expect.closeTo(240, -1.7) as number,
      right: [true, true, true, true],
      isReleased: true,
      resident: 5,
      parked: 0,
      left: 0,
    });
  },
);

test.runIf(hasLimits)(
  "with ever fewer descriptors left, everything works or throws EMFILE and changes nothing",
  () => {
    const freeCounts = [0, 1, 2, 3, 8, 15, 16, 17, 18, 19, 20, 30];
    const { codes, left, advice } = runProgram("pool/fault.ts", {
      prefix: limited,
      args: freeCounts.map(String),
    }).result as Faults;
    expect(Object.keys(codes)).toEqual(["EMFILE"]);
    for (const each of advice) expect(each).toMatch(/; make the pool with a lower limit, close /);
    expect(codes["EMFILE"]).toBeGreaterThan(500);
    expect(left).toBe(0);
  },
);

describe.runIf(canTrace)("when the kernel fails (injected, by strace)", () => {
  const cases = [
    ["sendmsg", "EMFILE"],
    ["sendmsg", "ENOMEM"],
    ["sendmsg", "ETOOMANYREFS"],
    ["recvmsg", "EMFILE"],
    ["recvmsg", "ENOMEM"],
    ["socketpair", "EMFILE"],
    ["dup3", "EMFILE"],
    ["dup3", "ENOMEM"],
    ["setsockopt", "ENOMEM"],
  ] as const;

  test.each(cases)("%s: %s, everything works or throws, and in the end all is right", (...what) => {
    // Once early, once later, and now and then. Pairs of sockets are few.
    const whens = what[0] === "socketpair" ? ["2", "3+3"] : ["5", "101", "20+7"];
    for (const when of whens) {
      const { codes, left } = fault(...what, when);
      expect(left, when).toBe(0);
      if (when.includes("+")) expect(Object.keys(codes), when).not.toEqual([]);
    }
  });
});
