import * as fs from "node:fs";
import * as path from "node:path";
import { borrow, duplicate, notify, type OwnedHandle, watchdogInterval } from "duphandle";
import { close, O_CLOEXEC, pipe2, read } from "duphandle/posix";
import { afterEach, describe, expect, test } from "vitest";
import { expectedProblems } from "../support/expected_problems.ts";
import { ask, connectedPair, makeListener } from "../support/listeners.ts";
import { unsupported } from "../support/matchers.ts";
import { programPath } from "../support/program.ts";
import { runtimeCommands } from "../support/runtime_commands.ts";
import {
  hasManager,
  type Received,
  serviceCommand,
  ServiceManager,
} from "../support/service_manager.ts";
import { isWindows, temporaryFile, temporaryFolder } from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";

const isLinux = process.platform === "linux";

afterEach(() => {
  for (const name of ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]) delete process.env[name];
});

/** A manager that this process is to notify. */
async function manager(isAbstract = false): Promise<ServiceManager> {
  const started = await ServiceManager.start(isAbstract);
  process.env["NOTIFY_SOCKET"] = started.address;
  return started;
}

const message = (state: string, fds = 0): Received => ({
  state,
  fds,
  pid: process.pid,
  whole: true,
});

describe.runIf(hasManager)("notify, to a manager that receives (needs python3)", () => {
  test.each([["path", false], ["abstract name", true]])("at a %s", async (_, isAbstract) => {
    await using receiver = await manager(isAbstract);
    expect(notify("READY=1\nSTATUS=serves – ✓")).toBe(true);
    expect(notify("WATCHDOG=1")).toBe(true);
    expect(notify("STOPPING=1\n")).toBe(true);
    expect(await receiver.receive(3)).toEqual([
      message("READY=1\nSTATUS=serves – ✓"),
      message("WATCHDOG=1"),
      message("STOPPING=1"),
    ]);
  });

  test("RELOADING has the time of the clock that the manager has", async () => {
    await using receiver = await manager();
    const { now: before } = await receiver.state();
    notify("RELOADING=1");
    notify("RELOADING=1\nMONOTONIC_USEC=5");
    const [own, given] = await receiver.receive(2);
    const { now: after } = await receiver.state();
    const [, time] = /^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(own!.state)!;
    expect(Number(time)).toBeGreaterThanOrEqual(before);
    expect(Number(time)).toBeLessThanOrEqual(after);
    expect(given!.state).toBe("RELOADING=1\nMONOTONIC_USEC=5");
  });

  test("stores handles by name, and removes them", async () => {
    await using receiver = await manager();
    const [reader, writer] = pipe2(O_CLOEXEC);
    using file = temporaryFile("");
    const fd = fs.openSync(file.path, "r+");
    expect(notify("READY=1\nFDSTORE=1\nFDPOLL=0", { pipe: borrow(writer), "a file": fd })).toBe(
      true,
    );
    expect(await receiver.receive(3)).toEqual([
      message("FDSTORE=1\nFDNAME=pipe\nFDPOLL=0", 1),
      message("FDSTORE=1\nFDNAME=a file\nFDPOLL=0", 1),
      message("READY=1"),
    ]);
    expect(await receiver.state()).toMatchObject({ stored: ["pipe", "a file"] });

    // It has the same open files, and this process has kept its own.
    await receiver.write("a file", "by the manager, ");
    fs.writeSync(fd, "by this process");
    expect(fs.readFileSync(file.path, "utf8")).toBe("by the manager, by this process");
    fs.closeSync(fd);
    close(writer);
    await receiver.write("pipe", "still open");
    const buffer = new Uint8Array(20);
    expect(read(reader, buffer)).toBe("still open".length);

    notify("FDSTOREREMOVE=1\nFDNAME=pipe");
    await receiver.receive(1);
    expect(await receiver.state()).toMatchObject({ stored: ["a file"] });
    expect(read(reader, buffer)).toBe(0); // the manager's was the last one
    close(reader);
  });

  test("a server of the runtime is stored by its socket", async () => {
    await using receiver = await manager();
    using listener = makeListener("TCP4");
    const server = await listener.handle.toServer();
    expect(notify("", { server })).toBe(true);
    expect(await receiver.receive(1)).toEqual([message("FDSTORE=1\nFDNAME=server", 1)]);
    await new Promise((resolve) => server.close(resolve));
  });

  test("a full queue is EAGAIN, and the error says what was stored", async () => {
    await using receiver = await manager();
    const names = Array.from({ length: 2000 }, (_, at) => `handle ${at}`);
    const handles = Object.fromEntries(names.map((name) => [name, 0]));
    const error = thrownBy(() => notify("READY=1", handles));
    expect(error).toMatchObject({ code: "EAGAIN", status: "ERROR_NO_DATA" });
    const sent = names.filter((name) => error.message.includes(`"${name}"`));
    expect(sent.length).toBeGreaterThan(0);
    await receiver.receive(sent.length);
    expect(await receiver.state()).toMatchObject({ stored: sent });
    expect(notify("READY=1")).toBe(true); // there is room again
    expect(await receiver.receive(1)).toEqual([message("READY=1")]);
  });

  test("what is refused sends nothing", async () => {
    await using receiver = await manager();
    expectedProblems("use-after-close");
    const closed = duplicate(1);
    closed.close();
    const open = duplicate(1);
    const wrong: [string, unknown, unknown?][] = [
      ["nothing", ""],
      ["no text", 1],
      ["undefined", undefined],
      ["a word", "READY"],
      ["a value without a name", "=1"],
      ["a line in a line", "STATUS=one\ntwo"],
      ["NUL", "STATUS=\0"],
      ["half a pair", "STATUS=\ud800"],
      ["too long", `STATUS=${"x".repeat(4090)}`],
      ["a store without handles", "FDSTORE=1"],
      ["a store without any", "FDSTORE=1", {}],
      ["a removal without a name", "FDSTOREREMOVE=1"],
      ["a removal with a wrong name", "FDSTOREREMOVE=1\nFDNAME=a:b"],
      ["a removal with handles", "FDSTOREREMOVE=1", { open }],
      ["a name twice", "FDSTORE=1\nFDNAME=other", { open }],
      ["a store that is none", "FDSTORE=0", { open }],
      ["an empty name", "", { "": open }],
      ["a colon", "", { "a:b": open }],
      ["a name in another script", "", { "ä": open }],
      ["a long name", "", { ["x".repeat(256)]: open }],
      ["an array", "", [open]],
      ["a number", "", 1],
      ["null", "", null],
      ["no source", "", { open, other: "text" }],
      ["no descriptor", "", { open, other: -1 }],
    ];
    for (const [name, state, handles] of wrong) {
      const call = () => notify(state as string, handles as Record<string, OwnedHandle>);
      expect(call, name).toThrow(TypeError);
    }
    expect(thrownBy(() => notify("", { open, closed })).code).toBe("EBADF");
    expect(thrownBy(() => notify("", { open, other: 0x7fff_fff0 })).code).toBe("EBADF");
    open.close();
    notify(`STATUS=${"x".repeat(4089)}`); // as long as it may be
    const [first] = await receiver.receive(1);
    expect(first).toMatchObject({ whole: true, state: expect.stringMatching(/^STATUS=x+$/) });
    expect(first!.state).toHaveLength(4096);
    expect(await receiver.state()).toMatchObject({ stored: [] });
  });

  test("a stored connection whose client has gone keeps nothing else from coming back", async () => {
    await using receiver = await manager();
    using folder = temporaryFolder();
    const result = path.join(folder.path, "result.json");
    using file = temporaryFile("of the file");
    const [near, far] = connectedPair("TCP4");
    const fd = fs.openSync(file.path, "r");
    notify("FDPOLL=0", { connection: near, file: fd });
    fs.closeSync(fd);
    near.close();
    far.close();
    await receiver.receive(2);
    const pid = await receiver.exec(serviceCommand("passed.ts"), { DUPHANDLE_RESULT: result });
    expect(await receiver.ended(pid)).toBe(0);
    expect(JSON.parse(fs.readFileSync(result, "utf8"))).toEqual({
      found: [
        { name: "connection", kind: "socket", type: "stream", text: "" },
        { name: "file", kind: "file", text: "of the file" },
      ],
    });
  });

  // Each process is one of another runtime than the one before it.
  test("a service in each runtime goes on where the one before was killed", async () => {
    await using receiver = await ServiceManager.start();
    using folder = temporaryFolder();
    const at = path.join(folder.path, "socket");
    const script = programPath("systemd/service.ts");
    const expected: string[] = [];
    let waiting: Promise<string>[] = [];
    const runtimes = runtimeCommands();
    for (const [turn, { name, command }] of runtimes.entries()) {
      const pid = await receiver.exec([...command, script, at, folder.path, name]);
      const messages = await receiver.receive(turn === 0 ? 3 : 1);
      const states = messages.map(({ state }) => state);
      expect(states.at(-1)).toBe(`READY=1\nSTATUS=${name} serves`);
      expect(messages.every((each) => each.pid === pid)).toBe(true);
      // Those came while there was no process.
      expect(await Promise.all(waiting)).toEqual(waiting.map(() => `served by ${name}`));
      expect(await ask({ path: at })).toBe(`served by ${name}`);
      await receiver.kill(pid);
      waiting = turn < runtimes.length - 1 ? [1, 2, 3].map(() => ask({ path: at })) : [];
      expected.push(`${name} has ${turn === 0 ? "nothing" : "listener and log"}\n`);
    }
    // One open file for all of them: each wrote after what was there.
    expect(fs.readFileSync(path.join(folder.path, "log"), "utf8")).toBe(expected.join(""));
  });
});

describe("notify", () => {
  test("does nothing without a manager", () => {
    using handle = duplicate(1);
    expect(notify("READY=1")).toBe(false);
    expect(notify("RELOADING=1")).toBe(false);
    expect(notify("", { handle })).toBe(false);
    process.env["NOTIFY_SOCKET"] = "";
    expect(notify("READY=1")).toBe(false);
    expect(() => notify("READY")).toThrow(TypeError);
  });

  test.runIf(isLinux)("says that the manager is not there", () => {
    using folder = temporaryFolder();
    process.env["NOTIFY_SOCKET"] = path.join(folder.path, "none");
    expect(thrownBy(() => notify("READY=1"))).toMatchObject({ code: "ENOENT", syscall: "sendmsg" });
    process.env["NOTIFY_SOCKET"] = `@duphandle-test-${crypto.randomUUID()}`;
    const error = thrownBy(() => notify("READY=1"));
    expect(error).toMatchObject({ code: "ECONNREFUSED" });
    expect(error.message).toContain("@duphandle-test-");
  });

  test.runIf(isLinux)("refuses an address that is none", () => {
    for (const value of ["relative", "@", `/${"x".repeat(107)}`, `@${"x".repeat(108)}`]) {
      process.env["NOTIFY_SOCKET"] = value;
      expect(thrownBy(() => notify("READY=1")), value).toMatchObject({ code: "EINVAL" });
    }
    process.env["NOTIFY_SOCKET"] = "vsock:2:1234";
    expect(thrownBy(() => notify("READY=1"))).toEqual(unsupported);
  });

  test.runIf(!isLinux)("is ENOTSUP outside Linux when there is an address", () => {
    process.env["NOTIFY_SOCKET"] = "/run/notify";
    expect(thrownBy(() => notify("READY=1"))).toEqual(unsupported);
  });
});

describe("watchdogInterval", () => {
  test("is what the manager says, in milliseconds", () => {
    expect(watchdogInterval()).toBeUndefined();
    process.env["WATCHDOG_USEC"] = "3000500";
    expect(watchdogInterval()).toBe(3000.5);
    process.env["WATCHDOG_PID"] = String(process.pid);
    expect(watchdogInterval()).toBe(3000.5);
    process.env["WATCHDOG_PID"] = String(process.pid + 1);
    expect(watchdogInterval()).toBeUndefined();
  });

  // On Windows a variable without a value is not set.
  const empty = isWindows ? [] : [""];
  test.each([...empty, "0", "-1", "1.5", "soon", "99999999999999999999"])("refuses %j", (value) => {
    process.env["WATCHDOG_USEC"] = value;
    expect(thrownBy(() => watchdogInterval())).toMatchObject({ code: "EINVAL" });
  });
});
