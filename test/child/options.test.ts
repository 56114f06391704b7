import * as child_process from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { type HandleSpawnOptions, type OwnedHandle, spawn } from "duphandle";
import { beforeAll, describe, expect, test } from "vitest";
import { type ChildFiles, childFiles } from "../support/child_files.ts";
import { expectedProblems } from "../support/expected_problems.ts";
import { notOpen } from "../support/matchers.ts";
import { commandFor, programPath } from "../support/program.ts";
import { isWindows, openRaw, temporaryFile } from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";
import { openOnce } from "../support/windows_objects.ts";

beforeAll(openOnce);

function program(name: string): string[] {
  return commandFor(programPath(name));
}

describe("what spawn() reads of the caller's", () => {
  const places: Record<string, (run: () => unknown) => HandleSpawnOptions> = {
    "the text of a variable": (run) => ({
      env: {
        ...process.env,
        TEXT: {
          toString() {
            run();
            return "text";
          },
        } as unknown as string,
      },
    }),
    "the fd of an entry of stdio": (run) => ({
      stdio: [
        "ignore",
        "ignore",
        {
          get fd() {
            run();
            return 2;
          },
        } as unknown as "ignore",
      ],
    }),
    "an option": (run) => ({
      get argv0() {
        run();
        return "name";
      },
    }),
  };

  test.each(Object.entries(places))("is read before the sources: %s", (_, options) => {
    using file = temporaryFile("");
    const source = openRaw(file.path, "r");
    const others: OwnedHandle[] = [];
    const replace = () => {
      if (!source.closed) source.close();
      others.push(openRaw(file.path, "r"));
    };
    const start = () => spawn(process.execPath, [], { ...options(replace), handles: { source } });
    expectedProblems("use-after-close");
    expect(start).toThrow(notOpen);
    for (const other of others) other.close();
  });
});

describe("the arguments of spawn()", () => {
  test("are an array: anything else is refused, and nothing is started", () => {
    // A program that is not there would be an event, not an exception.
    const start = (...args: unknown[]) => () =>
      (spawn as (...args: unknown[]) => unknown)("/there/is/no/such/program", ...args);
    for (const args of ["-la", "", 1, 0, true, false, 1n, Symbol("-la"), () => []]) {
      for (const options of [[], [undefined], [{}]]) {
        expect(start(args, ...options), String(args)).toThrow(TypeError);
        expect(start(args, ...options), String(args)).toThrow(/^Cannot use .* as args: /);
      }
    }
    for (const args of [new Set(["-la"]), { length: 1, 0: "-la" }, {}, "-la"]) {
      expect(start(args, { stdio: "ignore" })).toThrow(/^Cannot use .* as args: /);
    }
    expect(start([], null)).toThrow(/^Cannot use null as options: /);
    expect(start(null, null)).toThrow(/^Cannot use null as options: /);
  });

  test.each([undefined, null])("may be %s, for none", async (none) => {
    using files = childFiles();
    const words = [...program("child/options.ts"), "last"].map((word) => `"${word}"`).join(" ");
    // In cmd.exe, a command that begins and ends with a quotation mark loses both.
    const command = isWindows ? `${words} ` : `${words}; exit $?`;
    const child = spawn(command, none as undefined, { ...files.options, shell: true });
    expect(await files.result(child)).toMatchObject({ argument: "last" });
  });
});

describe("the environment of spawn()", () => {
  test("is what node:child_process gives, whatever the names are", async () => {
    using log = openRaw(import.meta.filename, "r");
    const names = ["constructor", "toString", "valueOf", "hasOwnProperty", "__proto__", "plain"];
    const [command, ...args] = program("child/environment.ts") as [string, ...string[]];
    const seenBy = async (start: (options: ChildFiles["options"]) => ChildProcess) => {
      using files = childFiles();
      const chosen = Object.fromEntries(names.map((name) => [name, "here"]));
      const env = Object.assign(Object.create(null), files.options.env, chosen);
      return await files.result(start({ ...files.options, env }));
    };
    const seen = await seenBy((options) => spawn(command, args, { ...options, handles: { log } }));
    expect(seen).toEqual(
      await seenBy((options) => child_process.spawn(command, args, { ...options })),
    );
    // Bun itself loses __proto__.
    expect(seen).toEqual(expect.arrayContaining(names.filter((name) => name !== "__proto__")));
  });
});

describe("a program of the caller that runs while spawn() reads its arguments", () => {
  // What spawn() is called with, where a source is closed at its reading.
  const places: Record<string, (close: () => void, source: OwnedHandle) => unknown[]> = {
    "an option": (close, source) => [[], {
      handles: { source },
      get cwd() {
        return void close();
      },
    }],
    "a handle": (close, source) => [[], {
      handles: {
        source,
        get other() {
          close();
          return 1;
        },
      },
    }],
    "the fd of a handle": (close, source) => [[], {
      handles: {
        source,
        other: {
          get fd() {
            close();
            return 1;
          },
        },
      },
    }],
    "a variable": (close, source) => [[], {
      handles: { source },
      env: {
        get NAME() {
          close();
          return "";
        },
      },
    }],
    "stdio": (close, source) => [[], {
      handles: { source },
      stdio: Object.defineProperty(["ignore"], 1, { get: () => (close(), "ignore") }),
    }],
    "an argument": (close, source) => [[{ toString: () => (close(), "") }], {
      handles: { source },
    }],
    "a limit of the channel": (close, source) => [[], {
      handles: { source },
      channel: {
        get maxMessageBytes() {
          return void close();
        },
      },
    }],
  };

  test.each(Object.keys(places))("closes a source by %s: it is refused", (place) => {
    const source = openRaw(import.meta.filename, "r");
    const opened: OwnedHandle[] = [];
    const close = () => {
      source.close();
      opened.push(openRaw(import.meta.filename, "r")); // what takes the number must not be passed
    };
    const args = places[place]!(close, source);
    expect(thrownBy(() => spawn(...["/there/is/no/such/program", ...args] as [string])))
      .toMatchObject({ code: "EBADF" });
    expect(source.closed).toBe(true);
    for (const handle of opened) handle.close();
  });
});
