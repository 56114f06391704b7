/** What the runtime owns as a source: servers, sockets and streams are duplicated, and given away. */
import type * as child_process from "node:child_process";
import type * as net from "node:net";
import * as tty from "node:tty";
import {
  duplicate,
  duplicateMany,
  type HandleSource,
  inspectHandle,
  isSameObject,
  OwnedHandle,
} from "duphandle";
import * as posix from "duphandle/posix";
import { describe, expect, test } from "vitest";
import {
  cat,
  connections,
  connects,
  datagrams,
  event,
  isWatched,
  readText,
  sendDatagram,
  servers,
  until,
} from "../support/network_sources.ts";
import { notOpen, unsupported } from "../support/matchers.ts";
import { isBun, isDeno, writeRaw } from "../support/system.ts";

const isLinux = process.platform === "linux";

describe.runIf(isLinux).each(Object.entries(connections))("%s as a source", (_name, make) => {
  test("a duplicate refers to the same connection, which goes on for both", async () => {
    const { source, peer, close } = await make();
    using copy = duplicate(source);
    expect(inspectHandle(copy).kind).toBe("socket");
    expect(isSameObject(source, copy)).toBe(true);
    writeRaw(copy.raw, "from the copy");
    await peer.expect("from the copy");
    copy.close();
    expect(peer.ended).toBe(false);
    using again = duplicate(source, { inheritable: true, minimum: 200 });
    expect(again.raw).toBeGreaterThanOrEqual(200);
    writeRaw(again.raw, "from another");
    await peer.expect("from another");
    close();
  });

  test("closeSource closes it for the runtime only, without an end", async () => {
    const { source, peer, close } = await make();
    using copy = duplicate(source, { closeSource: true });
    await until(() => !isWatched(copy.raw), "no event loop watches it any more");
    expect(() => duplicate(source)).toThrow(notOpen);
    peer.socket.write("to the new owner");
    await readText(copy, "to the new owner");
    writeRaw(copy.raw, "from the new owner");
    await peer.expect("from the new owner");
    expect(peer.ended).toBe(false);
    // The end of the last owner is a plain one, not a reset.
    copy.close();
    await until(() => peer.ended, "the end");
    expect(peer.error).toBeUndefined();
    close();
  });

  test("OwnedHandle.fromFd() takes it out of the runtime", async () => {
    const { source, peer, close } = await make();
    using handle = OwnedHandle.fromFd(source as net.Socket);
    await until(() => !isWatched(handle.raw), "no event loop watches it any more");
    writeRaw(handle.raw, "all mine");
    await peer.expect("all mine");
    expect(peer.ended).toBe(false);
    close();
  });

  test("when the duplicate cannot be made, the source is closed all the same", async () => {
    const { source, peer, close } = await make();
    expect(() => duplicate(source, { closeSource: true, minimum: 0x7fff_ffff })).toThrow();
    await until(() => peer.ended || peer.error !== undefined, "the end");
    close();
  });

  test("in a batch", async () => {
    const one = await make();
    const other = await make();
    const [a, b, again] = duplicateMany([one.source, other.source, one.source], {
      closeSource: true,
    });
    await until(() => !isWatched(a!.raw) && !isWatched(b!.raw), "neither is watched");
    writeRaw(a!.raw, "one");
    writeRaw(again!.raw, "more");
    writeRaw(b!.raw, "other");
    await Promise.all([one.peer.expect("onemore"), other.peer.expect("other")]);
    expect([one.peer.ended, other.peer.ended]).toEqual([false, false]);
    for (const each of [a!, b!, again!]) each.close();
    one.close();
    other.close();
  });
});

describe.runIf(isLinux).each(Object.entries(servers))("%s as a source", (_name, make) => {
  test("a duplicate keeps the port open, for the runtime and for the new owner", async () => {
    const { source, place, close } = await make();
    {
      using copy = duplicate(source);
      expect(isSameObject(source, copy)).toBe(true);
    }
    expect(await connects(place)).toBe(true);
    await close();
  });

  test("closeSource: the new owner accepts", async () => {
    const { source, place, close } = await make();
    using copy = duplicate(source, { closeSource: true });
    await until(() => !isWatched(copy.raw), "no event loop watches it any more");
    await until(() => isClosed(source), "the runtime's server is closed");
    expect(posix.poll([{ fd: copy.raw, events: posix.POLLIN, revents: 0 }], 0)).toBe(0);
    expect(await connects(place)).toBe(true);
    expect(posix.poll([{ fd: copy.raw, events: posix.POLLIN, revents: 0 }], 1000)).toBe(1);
    copy.close();
    expect(await connects(place)).toBe(false);
    await close();
  });
});

/** Whether a source is no longer open. */
function isClosed(source: HandleSource): boolean {
  try {
    duplicate(source).close();
    return false;
  } catch {
    return true;
  }
}

describe.runIf(isLinux).each(Object.entries(datagrams))("%s as a source", (_name, make) => {
  test("the new owner receives what is sent to its port", async () => {
    const { source, port, close } = await make();
    duplicate(source).close();
    using copy = duplicate(source, { closeSource: true });
    await until(() => !isWatched(copy.raw), "no event loop watches it any more");
    expect(() => duplicate(source)).toThrow(notOpen);
    await sendDatagram(port, "datagram");
    await readText(copy, "datagram");
    close();
  });
});

describe.runIf(isLinux)("streams of children and terminals", () => {
  test("the input of a child", async () => {
    const child = cat();
    const output = text(child.stdout);
    using copy = duplicate(child.stdin);
    writeRaw(copy.raw, "from the copy\n");
    using given = duplicate(child.stdin, { closeSource: true });
    copy.close();
    writeRaw(given.raw, "from the new owner\n");
    given.close();
    expect(await output).toBe("from the copy\nfrom the new owner\n");
    await ended(child);
  });

  test.runIf(!isBun)("the output of a child", async () => {
    const child = cat();
    using copy = duplicate(child.stdout, { closeSource: true });
    child.stdin.write("to the copy");
    await readText(copy, "to the copy");
    child.stdin.end();
    await ended(child);
  });

  test.runIf(isBun)(
    "the output of a child is refused in Bun, which does not tell its descriptor",
    async () => {
      const child = cat();
      expect(() => duplicate(child.stdout)).toThrow(/use the file, pipe or socket that it reads/);
      child.kill();
      await ended(child);
    },
  );

  test("a terminal", () => {
    const master = posix.open("/dev/ptmx", posix.O_RDWR | posix.O_CLOEXEC);
    const stream = new tty.WriteStream(master);
    try {
      if (isDeno) expect(() => duplicate(stream)).toThrow(unsupported);
      else {
        using copy = duplicate(stream);
        expect(inspectHandle(copy)).toMatchObject({ kind: "terminal" });
        expect(isSameObject(copy, master)).toBe(true);
        // A tty.WriteStream of Bun does not own its descriptor.
        if (isBun) {
          expect(() => duplicate(stream, { closeSource: true })).toThrow(/other code owns/);
        } else {
          using given = duplicate(stream, { closeSource: true });
          expect(inspectHandle(given)).toMatchObject({ kind: "terminal" });
        }
      }
    } finally {
      stream.destroy();
      if (isBun) posix.close(master);
    }
  });

  test("the standard streams are duplicated, and never closed", () => {
    for (const [fd, stream] of [process.stdin, process.stdout, process.stderr].entries()) {
      using copy = duplicate(stream);
      expect(isSameObject(copy, fd)).toBe(true);
      expect(() => duplicate(stream, { closeSource: true })).toThrow(/leave out closeSource/);
      expect(() => duplicateMany([stream], { closeSource: true })).toThrow(TypeError);
    }
  });
});

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  let all = "";
  for await (const chunk of stream) all += String(chunk);
  return all;
}

async function ended(child: child_process.ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await event(child, "exit");
}
