/** A client on Linux whose server is none, is hostile or silent, and a client without descriptors. */
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { promisify } from "node:util";
import { HandleChannel } from "duphandle";
import * as posix from "duphandle/posix";
import { describe, expect, test } from "vitest";
import { receiveRights, sendRights } from "../../ffi/posix/rights.ts";
import { listenAt } from "../../ffi/posix/unix_socket.ts";
import { place } from "../support/channel_ends.ts";
import { accepted } from "../support/posix_clients.ts";
import { commandFor, hasCommand, programPath, root } from "../support/program.ts";
import { temporaryFile, temporaryFolder } from "../support/system.ts";

const { close } = posix;

/** The sockets of a server that does as it likes; closed in the end. */
class RawServer implements Disposable {
  readonly sockets: number[] = [];
  readonly #listener: number;

  constructor(at: string) {
    this.#listener = listenAt(at, 5);
    this.sockets.push(this.#listener, listenAt(`${at}.bell`, 5));
  }

  /** Waits for both connections of a client. */
  async accept(): Promise<[number, number]> {
    return [await accepted(this.#listener), await accepted(this.#listener)];
  }

  [Symbol.dispose](): void {
    this.sockets.forEach(close);
  }
}

describe.runIf(process.platform === "linux")("a client (Linux)", () => {
  test("says what a socket is that is no server of channels, and has written nothing to it", async () => {
    using where = place();
    const listener = listenAt(where.path, 5);
    await expect(HandleChannel.connect(where.path)).rejects.toMatchObject({
      name: "HandleError",
      code: "EPROTO",
      message: expect.stringContaining("no server of channels") as string,
    });
    for (let count = 0; count < 2; count++) {
      const client = await accepted(listener);
      expect(receiveRights(client)).toBe("end");
      close(client);
    }
    close(listener);
  });

  test("is refused by a server that hangs up at once", async () => {
    using where = place();
    using server = new RawServer(where.path);
    const connecting = HandleChannel.connect(where.path);
    const refused = expect(connecting).rejects.toMatchObject({
      name: "HandleError",
      code: "EPIPE",
    });
    (await server.accept()).forEach(close);
    await refused;
  });

  test("keeps no handles that a server sends before its hello", async () => {
    using where = place();
    using file = temporaryFile("abc");
    using server = new RawServer(where.path);
    const fds = Array<number>(253).fill(posix.open(file.path, posix.O_CLOEXEC));
    for (let again = 0; again < 3; again++) {
      const connecting = HandleChannel.connect(where.path);
      const refused = expect(connecting).rejects.toMatchObject({ name: "HandleError" });
      const sockets = await server.accept();
      for (const socket of sockets) for (let more = 0; more < 3; more++) sendRights(socket, fds);
      sockets.forEach(close);
      await refused;
    }
    close(fds[0]!);
  });

  test("gives a silent server up when its signal says so", async () => {
    using where = place();
    using _ = new RawServer(where.path);
    const clients: Promise<unknown>[] = [];
    const giveUp = new AbortController();
    // More than may wait to be accepted.
    for (let count = 0; count < 8; count++) {
      clients.push(HandleChannel.connect(where.path, { signal: giveUp.signal }).catch((e) => e));
    }
    await new Promise((resolve) => setTimeout(resolve, 150));
    const reason = new Error("enough");
    giveUp.abort(reason);
    expect(await Promise.all(clients)).toEqual(Array(8).fill(reason));
  });

  test("and a server without descriptors left say so, and leave nothing open (needs prlimit)", async (context) => {
    context.skip(!hasCommand("prlimit"));
    using folder = temporaryFolder();
    using where = place();
    await using _ = await HandleChannel.listen(where.path, (channel) => {
      void channel.receive().then(() => channel.close());
    });
    const limit = "256";
    const [command, ...args] = commandFor(programPath("channel/posix_no_descriptors.ts"), {
      prefix: ["prlimit", `--nofile=${limit}:${limit}`, "--"],
      args: [where.path, folder.path, limit],
    });
    const resultFile = path.join(folder.path, "result.json");
    const env = { ...process.env, DUPHANDLE_RESULT: resultFile, NO_COLOR: "1" };
    await promisify(execFile)(command!, args, { cwd: root, env }).catch(() => {});
    const result = JSON.parse(fs.readFileSync(resultFile, "utf8")) as Record<string, string[]>;
    expect(Object.keys(result)).toEqual(["listen", "connect"]);
    for (const outcomes of Object.values(result)) {
      expect(new Set(outcomes)).toEqual(new Set(["HandleError EMFILE true", "done"]));
      expect([outcomes[0], outcomes.at(-1)]).toEqual(["HandleError EMFILE true", "done"]);
    }
    expect(fs.readdirSync(folder.path)).toEqual(["result.json"]);
  });
});
