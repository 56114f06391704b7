import { write } from "duphandle/posix";
import { describe, expect, test } from "vitest";
import { connectedPair, listenerKinds } from "../support/listeners.ts";
import { connected, isNative } from "../support/native_servers.ts";
import { hasCommand, runProgram } from "../support/program.ts";
import { isBun, isDeno } from "../support/system.ts";

const isLinux = process.platform === "linux";

describe.runIf(isLinux && isNative)("serveOn of a connection", () => {
  test.each(listenerKinds)("%s: a megabyte each way, at once", async (kind) => {
    const [near, far] = await Promise.all(connectedPair(kind).map(connected));
    const bytes = [1, 2].map((value) => new Uint8Array(1 << 20).fill(value));
    const [back, there] = await Promise.all([
      near!.exchange(bytes[0]!),
      far!.exchange(bytes[1]!),
    ]);
    expect([back.length, there.length]).toEqual([1 << 20, 1 << 20]);
    expect([back.every((byte) => byte === 2), there.every((byte) => byte === 1)]).toEqual([
      true,
      true,
    ]);
    near!.close();
    far!.close();
  });

  test("what waited before it is read", async () => {
    const [near, far] = connectedPair("TCP4");
    write(near.raw, new TextEncoder().encode("hello"));
    const connection = await connected(far);
    near.close();
    expect(new TextDecoder().decode(await connection.exchange(new Uint8Array(0), 5))).toBe("hello");
    connection.close();
  });
});

describe.runIf(isLinux && isBun && hasCommand("prlimit"))("serveOn in Bun (needs prlimit)", () => {
  test("without a free descriptor it does not close what Bun may own", () => {
    const { result } = runProgram("socket/serve_without_descriptors.ts", {
      prefix: ["prlimit", "--nofile=256:256", "--"],
    });
    expect(result).toEqual({ code: "EMFILE", received: "to Bun", answer: "from Bun" });
  });
});

describe.runIf(isLinux && isNative)("serveOn of a datagram socket", () => {
  test.each(isBun ? ["IPv4", "IPv6"] : ["IPv4", "IPv6", "unix"])(
    "%s: 50 datagrams each way",
    (family) => {
      const flags = isDeno ? ["--unstable-net"] : [];
      const { result } = runProgram("socket/serve_datagrams.ts", { args: [family], flags });
      expect(result).toEqual({
        answers: Array.from({ length: 50 }, (_, at) => `text ${at}`),
        left: [],
      });
    },
  );
});
