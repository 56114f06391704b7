/** A server on Windows whose clients, other processes, say everything that they should not. */
import { once } from "node:events";
import { type ChildProcess, spawn } from "node:child_process";
import { HandleChannel } from "duphandle";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { connected, next, place } from "../support/channel_ends.ts";
import { type ChildFiles, childFiles } from "../support/child_files.ts";
import { programPath } from "../support/program.ts";
import { rounds } from "../support/rounds.ts";
import { runtimeCommands } from "../support/runtime_commands.ts";
import { isDeno, isWindows } from "../support/system.ts";
import { isHandleError } from "../support/thrown.ts";
import { openOnce } from "../support/windows_objects.ts";

const MUTATED = rounds(20_000, 400);
const seed = Number(process.env["DUPHANDLE_SEED"] ?? Math.trunc(Math.random() * 2 ** 32));

beforeAll(openOnce);

/**
 * Starts the hostile client. It runs in another runtime than Deno, and with Deno as the server it is polite: Deno
 * can end in a panic when a client hangs up just when it begins to read (tokio-rs/mio#1819).
 */
function startHostile(files: ChildFiles, path: string, ...args: string[]): ChildProcess {
  const { command } = runtimeCommands().find(({ name }) => name === "node")!;
  const [executable = "", ...before] = command;
  const script = programPath("channel/windows_hostile.ts");
  const manners = isDeno ? "polite" : "rude";
  const all = [...before, script, path, String(process.pid), manners, ...args];
  return spawn(executable, all, files.options);
}

/** A server that does what its clients say, and goes on whatever they are. */
async function serve(
  path: string,
  maxMessageBytes: number = 16 << 20,
): Promise<AsyncDisposable & { channels: Set<Promise<void>> }> {
  const channels = new Set<Promise<void>>();
  const use = async (channel: HandleChannel) => {
    try {
      for await (using received of channel) {
        for (const { raw } of received.handles) {
          if (win32.NtQueryObject(raw).HandleCount > 0) trySetEvent(raw);
        }
        if (received.message === "signal it") await channel.send("signalled");
      }
    } catch (error) {
      if (!isHandleError(error)) throw error;
    }
    await channel.close();
  };
  const server = await HandleChannel.listen(path, (channel) => {
    const used = use(channel);
    channels.add(used);
    void used.finally(() => channels.delete(used));
  }, { maxMessageBytes, handshakeTimeout: 1000, closeTimeout: 1000 });
  return {
    channels,
    async [Symbol.asyncDispose]() {
      await Promise.all(channels);
      await server.close();
    },
  };
}

function trySetEvent(raw: number): void {
  try {
    win32.SetEvent(raw);
  } catch (error) {
    if (!isHandleError(error)) throw error; // it is no event
  }
}

describe.runIf(isWindows)("a hostile client", () => {
  test("is hung up on, and no other client notices", async () => {
    using where = place();
    await using others = await connected();
    await using _ = await serve(where.path);
    using files = childFiles();
    const { stayed } = await files.result(startHostile(files, where.path, "attacks")) as {
      stayed: string[];
    };
    expect(stayed).toEqual([]);
    await others.near.send("still there");
    expect((await next(others.far)).message).toBe("still there");
  });

  test("may be killed at every step", async () => {
    using where = place();
    await using others = await connected();
    await using server = await serve(where.path);
    using files = childFiles();
    const steps = Array.from({ length: 12 }, (_, step) => step);
    for (let first = 0; first < steps.length; first += 4) {
      const killed = steps.slice(first, first + 4).map((step) =>
        once(startHostile(files, where.path, "cut", String(step)), "exit")
      );
      await Promise.all(killed);
    }
    await Promise.all(server.channels);
    await others.near.send("still there");
    expect((await next(others.far)).message).toBe("still there");
  });

  test(`may have ${MUTATED} conversations with other bytes, seed ${seed}`, async () => {
    using where = place();
    await using others = await connected();
    await using _ = await serve(where.path, 20_000);
    using files = childFiles();
    const before = process.memoryUsage().rss;
    const args = ["mutate", String(seed), String(MUTATED)];
    expect(await files.result(startHostile(files, where.path, ...args))).toEqual({
      conversations: MUTATED,
    });
    expect(process.memoryUsage().rss - before).toBeLessThan(300 << 20);
    await others.near.send("still there");
    expect((await next(others.far)).message).toBe("still there");
  });
});
