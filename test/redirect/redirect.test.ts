import { borrow, duplicate, HandleError, redirect } from "duphandle";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { handleOfFd } from "../../ffi/win32/osfhandle.ts";
import { openHandles } from "../support/open_handles.ts";
import { type Outcome, runProgram } from "../support/program.ts";
import { available, outputs, silentPipe, slowPipe } from "../support/standard_output.ts";
import { isBun, isDeno, isWindows, openRaw, temporaryFile } from "../support/system.ts";

/** The number of the handle that a descriptor of the runtime has. */
const rawOf = (fd: number) => isWindows ? handleOfFd(fd) : fd;
const isInheritable = (fd: number) => borrow(rawOf(fd)).inheritable;
const setInheritable = (fd: number, inheritable: boolean) => {
  borrow(rawOf(fd)).inheritable = inheritable;
};

const linesOf = (text: string) => text.split(/\r?\n/).slice(0, -1);

function runCase(
  name: string,
  kind: string | ((file: string) => string[]) = "a file",
): Outcome & { file: string } {
  using target = temporaryFile("");
  const prefix = typeof kind === "string" ? outputs[kind] as string[] : kind(target.path);
  const outcome = runProgram("redirect/cases.ts", { args: [name, target.path], prefix });
  return { ...outcome, file: fs.readFileSync(target.path, "utf8") };
}

describe("redirect()", () => {
  test("refuses what is no descriptor and no source", () => {
    for (const bad of [-1, 1.5, NaN, "1", null, undefined, {}]) {
      expect(() => redirect(bad as never, 1)).toThrow(TypeError);
      expect(() => redirect(1, bad as never)).toThrow(TypeError);
    }
  });
});

/** Deno for Windows does not expose its descriptors: windows.test.ts. */
const isDenoWindows = isDeno && isWindows;

describe.skipIf(isDenoWindows)("redirect() of any descriptor (Deno for Windows: ENOTSUP)", () => {
  /** A descriptor on a file of its own, and files to redirect it to. */
  function setUp(count: number) {
    const files = Array.from({ length: count + 1 }, () => temporaryFile(""));
    const [own, ...others] = files.map(({ path }) => path);
    const fd = fs.openSync(own!, "w");
    const targets = others.map((file) => openRaw(file, "w"));
    return {
      fd,
      targets,
      contents: () => files.map(({ path }) => fs.readFileSync(path, "utf8")),
      [Symbol.dispose]() {
        for (const handle of targets) handle.close();
        fs.closeSync(fd);
        for (const file of files) file[Symbol.dispose]();
      },
    };
  }

  test("nests, and shows the newest that was not restored", () => {
    using files = setUp(3);
    const { fd, targets: [a, b, c], contents } = files;
    const before = openHandles();
    fs.writeSync(fd, "0");
    {
      using _a = redirect(fd, a!);
      fs.writeSync(fd, "a");
      {
        using _b = redirect(fd, b!);
        fs.writeSync(fd, "b");
        redirect(fd, c!).restore();
        fs.writeSync(fd, "B");
      }
      fs.writeSync(fd, "A");
    }
    fs.writeSync(fd, "1");
    expect(contents()).toEqual(["01", "aA", "bB", ""]);
    expect(openHandles()).toEqual(before);
  });

  test("is restored in any order", () => {
    for (const order of [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]) {
      using files = setUp(3);
      const { fd, targets, contents } = files;
      const before = openHandles();
      const live = [0, 1, 2, 3];
      const expected = ["", "", "", ""];
      const redirections = targets.map((target) => redirect(fd, target));
      for (const index of order) {
        redirections[index]!.restore();
        redirections[index]!.restore();
        live.splice(live.indexOf(index + 1), 1);
        fs.writeSync(fd, `${index}`);
        expected[live.at(-1)!] += `${index}`;
      }
      expect(contents()).toEqual(expected);
      expect(openHandles()).toEqual(before);
    }
  });

  test("needs its source no longer, and leaves the descriptor inheritable as it was", () => {
    using files = setUp(2);
    const { fd, targets: [a, b], contents } = files;
    for (const inheritable of [false, true]) {
      setInheritable(fd, inheritable);
      using source = duplicate(a!);
      const first = redirect(fd, source);
      const second = redirect(fd, b!);
      source.close();
      expect(isInheritable(fd)).toBe(inheritable);
      second.restore();
      fs.writeSync(fd, "a");
      expect(isInheritable(fd)).toBe(inheritable);
      first.restore();
      expect(isInheritable(fd)).toBe(inheritable);
    }
    expect(contents()).toEqual(["", "aa", ""]);
  });

  test("refuses a descriptor or a source that is not open", () => {
    using files = setUp(1);
    expect(() => redirect(0x7fff_0000, files.targets[0]!)).toThrow(HandleError);
    expect(() => redirect(files.fd, 0x7fff_0000)).toThrow(
      expect.objectContaining({ code: "EBADF" }),
    );
    if (isWindows) return; // windows.test.ts has these
    expect(runCase("failures").result).toEqual({
      errors: ["EBADF", "EBADF", "EBADF", "TypeError", "TypeError"],
      same: true,
      grown: 0,
    });
  });

  test.skipIf(isWindows)("does not open a number again that was closed meanwhile", () => {
    expect(runCase("closedMeanwhile").result).toEqual({ code: "EBADF", again: null, grown: -1 });
  });
});

describe.skipIf(isWindows)(
  "redirect() of standard descriptors (Windows: windows.test.ts)",
  () => {
    test.each(available)("1,000 rounds, every byte in its place: standard output is %s", (kind) => {
      using target = temporaryFile("");
      const rounds = 1000;
      const { output, result } = runProgram("redirect/rounds.ts", {
        args: [`${rounds}`, target.path],
        prefix: outputs[kind] as string[],
      });
      const expected = (whats: string[]) =>
        Array.from(
          { length: rounds },
          (_, round) =>
            whats.flatMap((what) =>
              ["console", "stdout", "fs", "system"]
                .concat(isBun || isDeno ? ["runtime"] : [], round % 100 === 0 ? ["child"] : [])
                .map((how) => `${what} ${round} ${how}`)
            ),
        ).flat();
      expect(result).toEqual({ grown: 0 });
      expect(linesOf(fs.readFileSync(target.path, "utf8"))).toEqual(expected(["during"]));
      const [seen, wanted] = [linesOf(output), expected(["before", "after"])];
      expect(seen.filter((line) => line.startsWith("during"))).toEqual([]);
      // Bun's process.stdout queues when a pipe is full, so only the order among its lines is known.
      for (const how of kind === "a pipe" && isBun ? ["stdout", "fs", "console", "child"] : [""]) {
        expect(seen.filter((line) => line.endsWith(how))).toEqual(
          wanted.filter((line) => line.endsWith(how)),
        );
      }
      expect(seen.length).toBe(wanted.length);
    });

    test.each(available)("a worker that writes meanwhile loses nothing: %s", (kind) => {
      using target = temporaryFile("");
      const { output, result } = runProgram("redirect/worker.ts", {
        args: [target.path],
        prefix: outputs[kind] as string[],
      });
      const { lines, rounds } = result as { lines: number; rounds: number };
      const there = linesOf(fs.readFileSync(target.path, "utf8"));
      const expected = ["refused ENOTSUP"];
      for (let line = 0; line < lines; line++) {
        const rest = `${line} ${"x".repeat(line % 300)} end`;
        expected.push(`fs ${rest}`, ...(line % 10 === 0 ? [`console ${rest}`] : []));
      }
      const here = linesOf(output);
      const seen = [...here, ...there].sort();
      // A comparison of thousands of lines is only worth showing when it fails.
      if (seen.join() !== expected.sort().join()) expect(seen).toEqual(expected);
      expect(rounds).toBe(1000);
      expect(there.length).toBeGreaterThan(0);
      expect(here.length).toBeGreaterThan(0);
    });

    test("an exception restores", () => {
      const { result, output } = runCase("exception");
      expect(result).toEqual({ error: "thrown inside", content: "inside\n" });
      expect(output).toBe("outside\n");
    });

    test("a stream that cannot follow changes nothing", () => {
      const { result, output } = runCase("frozen");
      expect(result).toEqual({ thrown: isBun, isBack: true, content: "" });
      expect(output).toBe("still outside\n");
    });

    test("children follow", () => {
      const { result, output } = runCase("children");
      expect(result).toBe("child\ngrandchild\n");
      expect(output).toBe("outside\n");
    });

    test.each(available)("standard error: standard output is %s", (kind) => {
      const { result, output } = runCase("stderr", kind);
      expect((result as string).replaceAll(/\p{Cc}\[\d*m/gu, "")).toBe(
        "error 1\nerror 2\nerror 3\nerror 4\n",
      );
      expect(linesOf(output).sort()).toEqual(["error 5", "out"]);
    });

    test("standard input", () => {
      expect(runCase("stdin").result).toEqual(["fr", "om", " the file", "0", "/dev/null"]);
    });

    test("what a native library printed is where it belongs", () => {
      const { result, output } = runCase("native");
      expect(result).toBe("native during\n");
      expect(output).toBe("native before\nnative after\n");
    });

    test.each(available)("what is corked is written out: %s", (kind) => {
      const { result, output } = runCase("corked", kind);
      expect(result).toBe("corked during\n");
      expect(linesOf(output)).toEqual(["corked before", "corked after"]);
    });

    test.each(available)("text, bytes, callbacks and errors: %s", (kind) => {
      const { result } = runCase("encodings", kind);
      expect(result).toEqual({ content: "grüße\nAB\nlast\n", errors: ["ENOSPC"] });
    });

    test.each(available)("is inheritable meanwhile, and then as it was: %s", (kind) => {
      expect(runCase("flags", kind).result).toEqual({
        during: 0,
        same: true,
        nonblocking: 0,
      });
    });

    // Node's and Deno's streams with a libuv handle stay synchronous.
    test.each(isBun ? available : ["a file"])("leaves process.stdout as it was: %s", (kind) => {
      expect(runCase("stream", kind).result).toBe(true);
    });

    test("what waits for a slow reader is not lost", () => {
      const { result, output } = runCase("pending", slowPipe);
      const text = [0, 1, 2, 3].map((part) => `${part}`.repeat(60_000) + "\n").join("");
      expect(output).toBe(`${text}after\n`);
      expect(result).toMatchObject({
        content: "during\n",
        code: isBun || isDeno ? null : "EAGAIN",
      });
    });

    test("nothing keeps the event loop busy meanwhile", () => {
      const { busy } = runCase("idle", slowPipe).result as { busy: number };
      expect(busy).toBeLessThan(500);
    });

    test.skipIf(isBun || isDeno)(
      "Node's process.stdin in use is refused, until it is destroyed",
      () => {
        expect(runCase("reading", silentPipe).result).toEqual({ code: "ENOTSUP", isAdvised: true });
      },
    );
  },
);

describe("examples/capture_stdout.ts", () => {
  const refused = isWindows && (isBun || isDeno);

  test("captures, or says that Bun and Deno for Windows cannot", () => {
    const root = path.resolve(import.meta.dirname, "..", "..");
    const { code, output } = runProgram(path.join(root, "examples", "capture_stdout.ts"), {
      mayFail: refused,
    });
    if (refused) {
      expect(output).toMatch(
        /Cannot (make fd 1 refer to another object: on Windows|find the HANDLE of fd)/,
      );
    } else {
      expect(linesOf(output)).toEqual([
        "captured:",
        "  from console.log",
        "  from the system",
        "  from a child",
      ]);
    }
    expect(code === 0).toBe(!refused);
  });
});
