/** Connected Unix sockets, and programs that have an end of them. */
import { type ChildProcess, spawnSync } from "node:child_process";
import { once } from "node:events";
import * as path from "node:path";
import { OwnedHandle, spawn as spawnWith } from "duphandle";
import {
  AF_UNIX,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  socketpair,
} from "duphandle/posix";
import { hasCommand, programPath } from "./program.ts";

/** The types of sockets that carry handles. */
export const socketTypes = {
  stream: SOCK_STREAM,
  datagram: SOCK_DGRAM,
  packet: SOCK_SEQPACKET,
} as const;
export type SocketType = keyof typeof socketTypes;
export const socketTypeNames = Object.keys(socketTypes) as SocketType[];

/** Two sockets that are connected to each other, which are closed when the test ends. */
export interface Pair extends Disposable {
  readonly one: OwnedHandle;
  readonly other: OwnedHandle;
}

export function unixPair(type: SocketType = "stream"): Pair {
  const fds = socketpair(AF_UNIX, socketTypes[type] | SOCK_CLOEXEC, 0);
  const [one, other] = fds.map((fd) => OwnedHandle.fromRaw(fd)) as [OwnedHandle, OwnedHandle];
  return {
    one,
    other,
    [Symbol.dispose]() {
      for (const handle of [one, other]) if (!handle.closed) handle.close();
    },
  };
}

export const hasPython: boolean = hasCommand("python3");
export const hasCompiler: boolean = hasCommand("cc");

/** A program that has an end of a pair as its standard input. */
export interface Peer {
  readonly child: ChildProcess;
  /** What it has written, once it has ended. */
  readonly ended: Promise<string>;
}

/** Starts a program with an end of a pair, which is closed here. It ends at the latest when the pair does. */
export function startPeer(command: string, args: readonly string[], end: OwnedHandle): Peer {
  const child = spawnWith(command, [...args], { stdio: [end, "pipe", "inherit"] });
  const closed = once(child, "close");
  end.close();
  let output = "";
  child.stdout!.setEncoding("utf8").on("data", (text) => output += text);
  const ended = closed.then(([code]) => {
    if (code !== 0) throw new Error(`${command} ended with ${code}: ${output}`);
    return output;
  });
  return { child, ended };
}

/** Starts scm_rights.py. */
export function startPython(args: readonly string[], end: OwnedHandle): Peer {
  return startPeer("python3", [programPath("socket/scm_rights.py"), ...args], end);
}

/** Compiles scm_rights.c into a folder. */
export function compilePeer(folder: string): string {
  const program = path.join(folder, "scm_rights");
  const source = programPath("socket/scm_rights.c");
  const { status, stderr } = spawnSync("cc", [
    "-O1",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-o",
    program,
    source,
  ], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  return program;
}
