import * as dgram from "node:dgram";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { listenFds } from "duphandle";
import { describe, expect, test } from "vitest";
import { ask, talk } from "../support/listeners.ts";
import { unsupported } from "../support/matchers.ts";
import { hasCommand, runProgram } from "../support/program.ts";
import {
  activateAtPort,
  Activated,
  canActivate,
  serviceCommand,
} from "../support/service_manager.ts";
import { isBun, isDeno, temporaryFolder } from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";

const isLinux = process.platform === "linux";
const isNode = !isBun && !isDeno;
const major = Number(process.versions.node.split(".")[0]);

const host = "127.0.0.1";

describe.runIf(canActivate)("listenFds under systemd-socket-activate (needs systemd)", () => {
  test("takes a TCP and a Unix socket by their names, and serves both", async () => {
    using folder = temporaryFolder();
    const at = path.join(folder.path, "socket");
    const command = serviceCommand("activated.ts");
    const names = "--fdname=web:admin";
    const { activated, port } = await activateAtPort(
      (free) => ({ options: [`--listen=${host}:${free}`, `--listen=${at}`, names], command }),
      2,
    );
    await using _ = activated;
    const web = { host, port };
    // The first connection starts the program, and is served by it.
    expect(await ask(web)).toBe("web");
    expect(await ask({ path: at })).toBe("admin");
    expect(await ask(web)).toBe("web");
    const plain = { inheritable: false, kind: "socket", type: "stream" };
    expect(activated.reported()).toEqual({
      passed: [{ name: "web", raw: 3, ...plain }, { name: "admin", raw: 4, ...plain }],
      again: expect.objectContaining({ code: "EBADF" }),
      variables: [],
      inChild: [],
    });
  });

  test("a connection that is passed by Accept=yes is named, and answered", async () => {
    using folder = temporaryFolder();
    const at = path.join(folder.path, "socket");
    const options = ["--accept", `--listen=${at}`, "--fdname=connection"];
    await using activated = new Activated({ options, command: serviceCommand("connection.ts") });
    await activated.listening(1);
    const answers = await Promise.all(["one", "two"].map((text) => talk({ path: at }, text)));
    expect(answers).toEqual(["connection: one", "connection: two"]);
  });

  test("a datagram socket has the datagram that started the program", async () => {
    const command = serviceCommand("passed.ts");
    const { activated, port } = await activateAtPort(
      (free) => ({ options: ["--datagram", `--listen=${host}:${free}`], command }),
      1,
    );
    await using _ = activated;
    const client = dgram.createSocket("udp4");
    client.send("a datagram", port, host);
    expect(await activated.ended()).toEqual({
      found: [{ name: "unknown", kind: "socket", type: "datagram", text: "a datagram" }],
    });
    await new Promise<void>((resolve) => client.close(() => resolve()));
  });

  describe("when another process was started than the runtime", () => {
    const script = serviceCommand("passed.ts").map((word) => `'${word}'`).join(" ");
    const scripts = { start: script };
    const wrappers: readonly (readonly [name: string, command: readonly string[]])[] = [
      ["sh -c", ["sh", "-c", `${script}; true`]],
      ...hasCommand("npm") ? [["npm run start", ["npm", "run", "start"]] as const] : [],
      ...isDeno ? [["deno task start", [process.execPath, "task", "start"]] as const] : [],
      ...isBun ? [["bun run start", [process.execPath, "run", "start"]] as const] : [],
      ...isNode && major >= 22
        ? [["node --run start", [process.execPath, "--run", "start"]] as const]
        : [],
    ];

    test.each(wrappers)("the error names it: %s", async (name, command) => {
      using folder = temporaryFolder();
      const manifest = JSON.stringify({ name: "service", version: "1.0.0", scripts });
      fs.writeFileSync(path.join(folder.path, "package.json"), manifest);
      const at = path.join(folder.path, "socket");
      const options = [`--listen=${at}`];
      await using activated = new Activated({ options, command, cwd: folder.path });
      await activated.listening(1);
      const client = net.connect(at).on("error", () => {});
      const result = await activated.ended();
      client.destroy();
      expect(result).toMatchObject({
        found: [],
        error: { code: "ESRCH", status: expect.any(String) },
      });
      const { message } = (result as { error: { message: string } }).error;
      expect(message).toContain(name);
      expect(message).toContain(`LISTEN_PID is ${activated.pid}, `);
      expect(message).toContain("which has started this process");
      expect(message).toContain("ExecStart=");
    });
  });
});

describe.runIf(isLinux)("listenFds", () => {
  test("gives nothing to a process that no service manager has started", () => {
    expect(listenFds()).toEqual([]);
    expect(listenFds()).toEqual([]);
  });

  test("what cannot be is refused, and nothing is changed", () => {
    const { result, output } = runProgram("systemd/variables.ts");
    const malformed = { code: "EINVAL", left: true };
    expect(result, output).toMatchObject({
      errors: {
        "no pid": malformed,
        "a pid that is no number": malformed,
        "a pid that is 0": malformed,
        "a negative pid": malformed,
        "a pid with more": malformed,
        "another process": { code: "ESRCH", left: true },
        "a process that has ended": {
          code: "ESRCH",
          left: true,
          message: expect.stringContaining("which has ended"),
        },
        "a count that is no number": malformed,
        "a negative count": malformed,
        "a count with an exponent": malformed,
        "a count that is too long": malformed,
        "an empty count": malformed,
        "too few names": malformed,
        "too many names": malformed,
        "numbers that are not passed": { code: "EBADF", left: true },
      },
      none: [],
      left: [],
      again: [],
    });
  });

  test("the event loop of the runtime is not taken for what was passed", () => {
    // The shell passes nothing, also not what it has itself, so the first number is the runtime's.
    const command = serviceCommand("passed.ts");
    using folder = temporaryFolder();
    const result = path.join(folder.path, "result.json");
    const line = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&-';
    const { status, stderr } = spawnSync("sh", ["-c", line, "sh", ...command], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, DUPHANDLE_RESULT: result },
      encoding: "utf8",
    });
    expect(status, stderr).toBe(0);
    expect(JSON.parse(fs.readFileSync(result, "utf8"))).toMatchObject({
      found: [],
      error: { code: "EBADF", handle: 3, message: expect.stringContaining("event loop") },
    });
  });

  test("files and pipes are taken as well", () => {
    using folder = temporaryFolder();
    const result = path.join(folder.path, "result.json");
    const file = path.join(folder.path, "file");
    fs.writeFileSync(file, "of the file");
    const inner =
      'LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=f:p exec "$@" 3< "$FILE" 4<&0 < /dev/null';
    const line = `printf "of the pipe" | sh -c '${inner}' sh "$@"`;
    const { status, stderr } = spawnSync("sh", ["-c", line, "sh", ...serviceCommand("passed.ts")], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, DUPHANDLE_RESULT: result, FILE: file },
      encoding: "utf8",
    });
    expect(status, stderr).toBe(0);
    expect(JSON.parse(fs.readFileSync(result, "utf8"))).toMatchObject({
      found: [
        { name: "f", kind: "file", text: "of the file" },
        { name: "p", kind: "pipe", text: "of the pipe" },
      ],
    });
  });

  test("a worker thread cannot take them", () => {
    const { result, output } = runProgram("systemd/worker.ts");
    expect(result, output).toMatchObject({ inWorker: unsupported, inMain: [] });
  });

  test.runIf(isDeno)("without permission for the variables it is EACCES", () => {
    const permissions = ["--allow-ffi", "--allow-env=DUPHANDLE_RESULT", "--allow-write"];
    const { result, output } = runProgram("systemd/passed.ts", { permissions });
    expect(result, output).toMatchObject({
      error: { code: "EACCES", message: expect.stringContaining("--allow-env=LISTEN_FDS") },
    });
  });
});

test.runIf(!isLinux)("listenFds is ENOTSUP outside Linux when the variables are set", () => {
  process.env["LISTEN_FDS"] = "1";
  try {
    expect(thrownBy(() => listenFds())).toEqual(unsupported);
  } finally {
    delete process.env["LISTEN_FDS"];
  }
  expect(listenFds()).toEqual([]);
});
