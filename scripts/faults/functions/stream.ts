/** Faults while a pipe, a terminal or a socket becomes a stream of the runtime. */
import { OwnedHandle } from "duphandle";
import {
  AF_UNIX,
  O_CLOEXEC,
  O_NOCTTY,
  O_RDWR,
  open,
  pipe2,
  SOCK_CLOEXEC,
  SOCK_STREAM,
  socketpair,
} from "duphandle/posix";
import { udp } from "../../../test/support/endpoints.ts";
import { check, type Subject, subject } from "../subject.ts";

/** What is left in a fault: the calls that change something. */
const only = {
  calls: ["fcntl", "close"],
  reason: "what does not tell what it is, is something else; and the others are the runtime's own",
};

interface Closing {
  destroy(): unknown;
  once(name: "close", done: () => void): unknown;
  on(name: "error", done: () => void): unknown;
}

const closed = (stream: Closing): Promise<void> =>
  new Promise((resolve) => {
    stream.once("close", resolve);
    stream.destroy();
  });

type Ends = [near: OwnedHandle, far: OwnedHandle];

const owners = (fds: readonly number[]): Ends => fds.map((fd) => OwnedHandle.fromRaw(fd)) as Ends;

const pipe = (): Ends => owners(pipe2(O_CLOEXEC));
const pair = (): Ends => owners(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
const master = (): Ends => {
  const [near, far] = pipe();
  near.close();
  return [OwnedHandle.fromRaw(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)), far];
};

function streamSubject(
  method: "toSocket" | "toReadable" | "toWritable",
  kind: string,
  make: () => Ends,
): Subject {
  return subject(`${method} ${kind}`, `OwnedHandle#${method}`, {
    setup: make,
    run: ([near]) => {
      const stream: Closing = near[method]();
      stream.on("error", () => {});
      return stream;
    },
    clean: async ([near, far], stream) => {
      if (stream !== undefined) {
        check(near.closed, "the handle is not consumed");
        await closed(stream);
      }
      for (const handle of [near, far]) if (!handle.closed) handle.close();
    },
    only,
  });
}

const datagram = subject("toDatagram", "OwnedHandle#toDatagram", {
  setup: () => udp("UDP4").handle,
  run: async (handle) => {
    const socket = handle.toDatagram();
    await new Promise<void>((resolve, reject) => {
      socket.once("listening", resolve).once("error", reject);
    });
    return socket;
  },
  clean: async (handle, socket) => {
    if (socket !== undefined) {
      check(handle.closed, "the handle is not consumed");
      await new Promise<void>((resolve) => socket.close(resolve));
    }
    if (!handle.closed) handle.close();
  },
  only,
});

/** The faults of `OwnedHandle#toSocket`, `toReadable`, `toWritable` and `toDatagram`. */
export const streamSubjects: readonly Subject[] = [
  streamSubject("toSocket", "of a connection", pair),
  streamSubject("toReadable", "of a connection", pair),
  streamSubject("toWritable", "of a connection", pair),
  streamSubject("toReadable", "of a pipe", pipe),
  streamSubject("toWritable", "of a pipe", () => pipe().reverse() as Ends),
  streamSubject("toReadable", "of a terminal", master),
  streamSubject("toWritable", "of a terminal", master),
  datagram,
];
