/** What a child finds that its parent has passed to it: `inherited` and `inheritedNames`. */
import * as child_process from "node:child_process";
import { inherited, inheritedNames } from "duphandle";
import { beforeAll, describe, expect, test } from "vitest";
import { childFiles } from "../support/child_files.ts";
import {
  childOf,
  HANDLES_VARIABLE,
  lacksWorkers,
  type NamesReport,
} from "../support/child_programs.ts";
import { commandFor, programPath, runProgram } from "../support/program.ts";
import { isDeno, isWindows, openRaw, positionOf, temporaryFile } from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";
import { openOnce } from "../support/windows_objects.ts";

beforeAll(openOnce);

describe("inherited()", () => {
  test("gives each handle once, keeps it from others, and tells what is wrong", async () => {
    using file = temporaryFile("abcdef");
    using source = openRaw(file.path, "r");
    const handles = { "the log": source, "ö&=%+": source };
    const seen = await childOf("child/inherited.ts", { handles }) as Record<string, never>;
    expect(seen).toMatchObject({
      names: Object.keys(handles),
      again: Object.keys(handles),
      text: "abc",
      flags: [false, false],
      kinds: ["TypeError", "TypeError", "TypeError"],
      unknown: { name: "HandleError", code: "ENOENT", status: "ERROR_FILE_NOT_FOUND" },
      twice: { name: "HandleError", code: "EBADF", status: "ERROR_INVALID_HANDLE" },
      closed: { name: "HandleError", code: "EBADF", handle: seen["number"] },
    });
    const { told, unknown, twice, closed } = seen as Record<string, { message: string }>;
    expect(told).toMatch(/^the%20log=\d+&%C3%B6%26%3D%25%2B=\d+(&=[\d:,]+)?$/);
    expect(unknown?.message).toMatch(/"nobody": there are "the log", "ö&=%\+"; name it in /);
    expect(twice?.message).toMatch(/"the log" twice: it has one owner; duplicate the first one$/);
    expect(closed?.message).toMatch(/is not what the parent gave; it was closed here/);
    expect(seen).not.toHaveProperty("after");
    expect(positionOf(source.raw)).toBe(3);
    if (isWindows) return;
    expect(seen["grandchild"]).toContain("[]");
    expect(seen["grandchild"]).not.toContain(file.path);
  });

  test("finds nothing in a process that was given nothing", async () => {
    expect(inheritedNames()).toEqual([]);
    expect(thrownBy(() => inherited("log"))).toMatchObject({
      code: "ENOENT",
      message: expect.stringMatching(/this process got none: it was not started by spawn\(\)/),
    });
    for (const handles of [undefined, {}]) {
      const env = { [HANDLES_VARIABLE]: "log=3" };
      const { names, unknown } = await childOf("child/inherited_names.ts", {
        env,
        handles,
      }) as NamesReport;
      expect([names, unknown["code"]]).toEqual([[], "ENOENT"]);
    }
  });

  test("refuses a variable that another program wrote, and a number that is another file", async () => {
    const told = async (value: string) => {
      using files = childFiles();
      const [command, ...args] = commandFor(programPath("child/inherited_names.ts")) as [
        string,
        ...string[],
      ];
      const env = { ...files.options.env, [HANDLES_VARIABLE]: value };
      return await files.result(
        child_process.spawn(command, args, { ...files.options, env }),
      ) as NamesReport;
    };
    for (const value of ["log", "log=", "log=3x", "log=-7", "log=4294967299", "log=3.5"]) {
      expect((await told(value)).error, value).toMatchObject({ code: "EINVAL" });
    }
    // What would make two owners of one handle, or an owner of a standard descriptor.
    const twice = [
      ["a=5&b=5", "is the second name of this handle"],
      ["a=5&a=6", "is the second handle with this name"],
      ["a=5&%61=6", "is the second handle with this name"],
      ["a=5&b=05", "is the second name of this handle"],
      ["duphandle:stream=5&duphandle:handles=5", "is the second name of this handle"],
      ["a=5&duphandle:handles=5&=1:2", "is the second name of this handle"],
      ...(isWindows ? [] : [0, 1, 2].map((fd) => [`log=${fd}`, "is a standard descriptor"])),
    ] as [string, string][];
    for (const [value, why] of twice) {
      expect((await told(value)).error, value).toMatchObject({
        code: "EINVAL",
        message: expect.stringContaining(why),
      });
    }
    // What a process in between did not pass on: the number is the runtime's own, or nobody's.
    const { error, names, taken } = await told(
      isWindows ? "log=4&far=65532" : "log=3&far=999&=1:2,",
    );
    expect(error).toBeUndefined();
    expect(names).toEqual(["log", "far"]);
    expect(taken.map((each) => each?.["code"])).toEqual(["EBADF", "EBADF"]);
  });

  test.skipIf(lacksWorkers)(
    "is refused in a worker thread, which would be a second owner (Deno's lack a call under Wine)",
    async () => {
      using file = temporaryFile("");
      using log = openRaw(file.path, "r");
      expect(await childOf("child/worker.ts", { handles: { log } })).toMatchObject({
        inWorker: { code: "ENOTSUP", message: expect.stringContaining("in the main thread") },
        inMain: ["log"],
      });
    },
  );

  test.runIf(isDeno)("says which permission it needs", () => {
    const { error } = runProgram("child/inherited_names.ts", {
      permissions: ["--allow-ffi", "--allow-write", "--allow-env=DUPHANDLE_RESULT"],
    }).result as NamesReport;
    expect(error).toMatchObject({
      code: "EACCES",
      message: expect.stringContaining("run with --allow-env=DUPHANDLE_HANDLES"),
    });
  });
});
