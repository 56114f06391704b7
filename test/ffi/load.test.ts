import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { backend, loadLibrary } from "../../ffi/backend/mod.ts";
import { commandFor, hasCommand, programPath, root, runProgram } from "../support/program.ts";
import { isBun, isDeno, isWindows, temporaryFolder } from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";

const [major = 0] = process.versions.node.split(".").map(Number);
const isNode = !isDeno && !isBun;
const table = { getpid: { parameters: [], result: "i32" } } as const;

describe("importing", () => {
  test("every entry point loads nothing, warns of nothing and needs no permission", () => {
    const { loaded, warnings } = runProgram("ffi/import_only.ts", {
      permissions: ["--allow-env=DUPHANDLE_RESULT", "--allow-write"],
    }).result as Record<string, unknown>;
    expect([loaded, warnings]).toEqual([[], []]);
  });
});

describe("the backend", () => {
  test("is the runtime's own FFI", () => {
    const expected = isDeno
      ? "Deno.dlopen"
      : isBun
      ? "bun:ffi"
      : major >= 26
      ? "node:ffi"
      : "koffi";
    expect(backend().name).toBe(expected);
  });

  test("names the libraries that it tried, with the errors of the runtime as the cause", () => {
    const one = thrownBy(() => loadLibrary(["no-such-library"], table));
    expect(one).toMatchObject({ code: "ENOENT", status: "ERROR_FILE_NOT_FOUND" });
    expect(one.message).toContain("no-such-library");
    expect(one.cause).toBeInstanceOf(Error);
    const two = thrownBy(() => loadLibrary(["no-such-library", "nor-this-one"], table));
    expect(two.message).toMatch(/no-such-library .*nor-this-one /);
    expect((two.cause as AggregateError).errors).toHaveLength(2);
  });

  test("names the function that a library lacks", () => {
    const library = isWindows ? "kernel32.dll" : process.platform === "linux" ? "libc.so.6" : "";
    const lacking = { no_such_function: { parameters: [], result: "i32" } } as const;
    const error = thrownBy(() => loadLibrary([library], lacking));
    expect(error.message).toContain("no_such_function");
  });

  test.runIf(isDeno).each([
    "ffi/first_call.ts",
    ...process.platform === "linux" ? ["ffi/first_path.ts"] : [],
  ])("in Deno without permission says which flag is missing: %s", (program) => {
    const { error } = runProgram(program, {
      permissions: ["--allow-env", "--allow-write"],
    }).result as { error: Record<string, unknown> };
    expect(error).toMatchObject({ code: "EACCES", status: "ERROR_ACCESS_DENIED" });
    expect(error["message"]).toContain("--allow-ffi");
    expect(error["cause"]).toBe("NotCapable");
  });

  test.runIf(isDeno && !isWindows && hasCommand("script"))(
    "in Deno at a terminal requests permission once, for FFI as a whole",
    async () => {
      using folder = temporaryFolder();
      const result = path.join(folder.path, "result.json");
      const program = programPath("ffi/first_call.ts");
      const command = commandFor(program, { permissions: ["--allow-env", "--allow-write"] })
        .filter((argument) => argument !== "--no-prompt").join(" ");
      // script(1) runs a command at a terminal.
      const terminal = spawn("script", ["-qec", command, "/dev/null"], {
        env: { ...process.env, DUPHANDLE_RESULT: result, NO_COLOR: "1" },
      });
      let output = "";
      terminal.stdout.on("data", (text) => output += text);
      // Deno discards input that was typed before its prompt.
      const typing = setInterval(() => terminal.stdin.write("y\r"), 300);
      await once(terminal, "close");
      clearInterval(typing);
      expect(JSON.parse(fs.readFileSync(result, "utf8")), output).toEqual({});
      expect(output.split("Granted ffi access")).toHaveLength(2);
    },
  );

  test.runIf(isNode && major >= 26)("in Node without permission says which flag is missing", () => {
    const { error } = runProgram("ffi/first_call.ts", {
      flags: ["--permission", "--allow-fs-read=*", "--allow-fs-write=*"],
    }).result as { error: Record<string, unknown> };
    expect(error).toMatchObject({ code: "EACCES", status: "ERROR_ACCESS_DENIED" });
    expect(error["message"]).toContain("--allow-ffi");
  });

  test.runIf(isNode && major < 26)("in an old Node without koffi says what to install", () => {
    using folder = temporaryFolder();
    // In the checkout there is no such package; where the package is tested, it is what is imported.
    for (const part of ["mod.ts", "ffi", "src", "package.json", "node_modules/duphandle"]) {
      const source = path.join(root, part);
      if (!fs.existsSync(source)) continue;
      fs.cpSync(source, path.join(folder.path, part), { recursive: true });
    }
    const program = "test/ffi/programs/first_call.ts";
    for (const file of [program, "test/support/report.ts", "test/support/thrown.ts"]) {
      fs.cpSync(path.join(root, file), path.join(folder.path, file));
    }
    const { error } = runProgram(path.join(folder.path, program), {
      cwd: folder.path,
    }).result as { error: Record<string, unknown> };
    expect(error).toMatchObject({ code: "ENOTSUP", status: "ERROR_NOT_SUPPORTED" });
    expect(error["message"]).toContain("npm install koffi");
    expect(error["message"]).toContain("koffi is not installed");
    // It was looked for from the library, from the program and from the working folder.
    const message = String(error["message"]);
    expect(message.split(folder.path)).toHaveLength(4);
    expect(message).toContain(program);
  });
});
