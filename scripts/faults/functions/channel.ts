/** Faults while channels are opened, used and closed. */
import { rmSync } from "node:fs";
import { HandleChannel, type HandleMessage, type HandleServer } from "duphandle";
import { check, type Subject, subject } from "../subject.ts";
import { closeFd, closeOwned, open, socketPath } from "./fixture.ts";

/**
 * The stream of a channel is a socket of the runtime, which makes its own calls on it. Only the calls that
 * the library makes for itself are made to fail.
 */
const only = {
  calls: [
    ...["socketpair", "socket", "bind", "listen", "connect", "sendmsg", "recvmsg", "setsockopt"],
    ...["getsockopt", "fcntl", "statx", "dup3", "close_range"],
  ],
  reason: "the others are made by the runtime's node:net for its own socket",
};

/** Both ends of a channel in this process. */
interface Pair {
  readonly server: HandleServer;
  readonly client: HandleChannel;
  readonly other: HandleChannel;
}

let count = 0;

function newPath(): string {
  return `${socketPath}${count++ % 8}`;
}

async function openPair(): Promise<Pair> {
  const path = newPath();
  let accept: (channel: HandleChannel) => void = () => {};
  const accepted = new Promise<HandleChannel>((resolve) => accept = resolve);
  const server = await HandleChannel.listen(path, accept);
  const client = await HandleChannel.connect(path);
  return { server, client, other: await accepted };
}

async function closePair({ server, client, other }: Pair): Promise<void> {
  await Promise.all([client.close(), other.close(), server.close()]);
}

function closeMessage(received: HandleMessage | undefined): void {
  received?.handles.forEach(closeOwned);
}

/** The faults of `duphandle/channel`. */
export const channelSubjects: readonly Subject[] = [
  subject("HandleChannel.listen", "HandleChannel.listen", {
    setup: newPath,
    run: (path) => HandleChannel.listen(path, (channel) => void channel.close()),
    clean: async (path, server) => {
      await server?.close();
      for (const left of [path, `${path}.bell`]) rmSync(left, { force: true });
    },
    only,
  }),
  subject(
    "HandleServer.close",
    ["HandleServer#close", "HandleServer#Symbol(Symbol.asyncDispose)"],
    {
      setup: () => HandleChannel.listen(newPath(), (channel) => void channel.close()),
      run: (server) => server.close(),
      clean: () => {},
      only,
    },
  ),
  subject("HandleChannel.connect", "HandleChannel.connect", {
    setup: async () => {
      const path = newPath();
      const channels: HandleChannel[] = [];
      return {
        path,
        channels,
        server: await HandleChannel.listen(path, (channel) => void channels.push(channel)),
      };
    },
    run: ({ path }) => HandleChannel.connect(path),
    clean: async ({ server, channels }, channel) => {
      await Promise.all([channel, server, ...channels].map((each) => each?.close()));
    },
    only,
  }),
  ...[1, 300].map((handles) =>
    subject(`HandleChannel.send ${handles}`, "HandleChannel#send", {
      setup: async () => ({ ...await openPair(), fd: open() }),
      run: async ({ client, fd }) => {
        await client.send("text", Array<number>(handles).fill(fd));
        return true;
      },
      clean: async ({ fd, ...pair }, isSent) => {
        closeFd(fd);
        if (isSent === true) closeMessage(await pair.other.receive());
        await closePair(pair);
      },
      only,
    })
  ),
  subject(
    "HandleChannel.receive",
    ["HandleChannel#receive", "HandleChannel#Symbol(Symbol.asyncIterator)"],
    {
      setup: async () => {
        const pair = await openPair();
        const fd = open();
        await pair.client.send("text", [fd, fd]);
        closeFd(fd);
        return pair;
      },
      run: ({ other }) => other.receive(),
      clean: async (pair, received) => {
        if (received !== undefined) check(received.handles.length === 2, "handles are missing");
        closeMessage(received);
        await closePair(pair);
      },
      only,
    },
  ),
  subject(
    "HandleChannel.close",
    ["HandleChannel#close", "HandleChannel#Symbol(Symbol.asyncDispose)"],
    {
      setup: openPair,
      run: async ({ client, other }) => {
        await Promise.all([client.close(), other.close()]);
      },
      clean: closePair,
      only,
    },
  ),
];
