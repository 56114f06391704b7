/** duplicateOnto() with fds 0 to 2: all that is printed follows, or it throws and nothing has changed. */
import { spawn } from "duphandle";
import { once } from "node:events";
import * as fs from "node:fs";
import { describe, expect, test } from "vitest";
import { commandFor, type Outcome, programPath, runProgram } from "../support/program.ts";
import { available, outputs, slowPipe } from "../support/standard_output.ts";
import { isBun, isDeno, isWindows, temporaryFile, temporaryFolder } from "../support/system.ts";
import { canTrace, strace } from "../support/trace.ts";

function run(name: string, prefix: readonly string[], fd = 1, args: string[] = []): Outcome {
  using target = temporaryFile("");
  return runProgram("handle/standard.ts", { args: [name, target.path, `${fd}`, ...args], prefix });
}

/** Each kind of output, for standard output and for standard error. */
const table = available.flatMap((kind) => [[kind, 1], [kind, 2]] as const);

describe.skipIf(isWindows)("duplicateOnto() with a standard descriptor", () => {
  test.each(table)("everything follows: %s, fd %i", (kind, fd) => {
    const { result, output } = run("follow", outputs[kind]!, fd);
    const { results: [first, one, second, two], lines } = result as {
      results: { isInheritable?: boolean; expected?: string[] }[];
      lines: string[];
    };
    expect(lines).toEqual([...one!.expected!, ...two!.expected!]);
    expect([first, second]).toEqual([{ isInheritable: true }, { isInheritable: false }]);
    expect(output).not.toContain("inheritable-");
    expect(output).toContain("before-process");
  });

  test.each(table)("a later redirection is restored to the new file: %s, fd %i", (kind, fd) => {
    const { result, output } = run("redirectLater", outputs[kind]!, fd);
    const { seen, expected } = result as Record<string, unknown>;
    expect(seen).toEqual(expected);
    expect(output).toBe("");
  });

  test.each(table)("an earlier redirection is restored to the old file: %s, fd %i", (kind, fd) => {
    const { result, output } = run("redirectAround", outputs[kind]!, fd);
    const { seen, expected } = result as Record<string, unknown>;
    expect(seen).toEqual(expected);
    expect(output).toContain("after-process");
    expect(output).toContain("after-inherit");
    expect(output).not.toContain("during-");
  });

  test("a stream that cannot follow changes nothing", () => {
    expect(run("frozen", outputs["a file"]!).result).toEqual({ thrown: isBun, same: isBun });
  });

  test("standard input", () => {
    expect(run("stdin", []).result).toEqual(["from", " the"]);
  });

  test.each(table)("a failure changes nothing: %s, fd %i", (kind, fd) => {
    const { result, output } = run("failures", outputs[kind]!, fd);
    const { expected, ...others } = result as { expected: string[] };
    expect(others).toEqual({
      errors: ["EBADF", "EBADF", "EINVAL"],
      same: true,
      grown: 0,
      lines: [],
    });
    for (const line of expected) expect(output).toContain(line);
  });

  test.runIf(isDeno && canTrace).each(["duplicateOnto", "redirect"])(
    "what only children would not follow changes nothing: %s() (injected, by strace)",
    (how) => {
      const prefix = strace("/dev/null", [
        "-e",
        "trace=dup3",
        "-e",
        "inject=dup3:error=EIO:when=2",
      ]);
      const { result, output } = run("half", prefix, 1, [how]);
      expect(result).toEqual({ code: "EIO", call: "dup3", same: true, lines: [] });
      expect(output).toBe("child\nconsole\n");
    },
  );

  test("is refused in a worker, which cannot make the streams follow", () => {
    expect(run("worker", []).result).toEqual({
      codes: ["ENOTSUP", "ENOTSUP", "ENOTSUP"],
      message: expect.stringMatching(/call it there.*vitest --pool=forks/),
      same: true,
    });
  });

  test("leaves an inherited descriptor of the same file alone", async () => {
    using folder = temporaryFolder();
    const [output, file] = [`${folder.path}/output`, `${folder.path}/file`];
    const resultFile = `${folder.path}/result.json`;
    const fd = fs.openSync(output, "w");
    const args = ["inherited", file, "1"];
    const [command, ...rest] = commandFor(programPath("handle/standard.ts"), { args });
    const child = spawn(command!, rest, {
      stdio: ["ignore", fd, "inherit"],
      env: { ...process.env, DUPHANDLE_RESULT: resultFile },
      handles: { out: fd },
    });
    fs.closeSync(fd);
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(JSON.parse(fs.readFileSync(resultFile, "utf8"))).toEqual({ lines: ["child"] });
    expect(fs.readFileSync(output, "utf8")).toBe("to the inherited one\n");
  });

  test.skipIf(isBun || isDeno)("what Node still has to print is not misplaced", () => {
    using target = temporaryFile("");
    const { result, output } = runProgram("handle/standard.ts", {
      args: ["pending", target.path],
      prefix: slowPipe(target.path),
    });
    expect(result).toEqual({ code: "EAGAIN", same: true, lines: ["after"] });
    expect(output).toBe([0, 1, 2, 3].map((part) => `${part}`.repeat(60_000) + "\n").join(""));
  });
});
