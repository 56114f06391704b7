/**
 * Prints what a process holds: `deno run -A examples/list_handles.ts [PID]`, or the same with `bun` or
 * `node`. Without a pid it is this process. Another one must be the same user's.
 */
import {
  HandleError,
  type HandleInfo,
  listHandles,
  type SocketAddress,
  type SocketInfo,
} from "duphandle";

const HEADER = ["handle", "kind", "access", "inherited", "position", "shared", "what"];

function show({ path, address, port }: SocketAddress): string {
  // The first character of an abstract name is NUL.
  return path === undefined ? `${address}:${port}` : path.replace(/^\0/, "@");
}

/** What a socket is, in words: "IPv4 stream 127.0.0.1:80 listening", "unix stream to socket:[4711]". */
function describe({ family, type, listening, local, remote, peerInode }: SocketInfo): string {
  const peer = remote ? show(remote) : peerInode === undefined ? "" : `socket:[${peerInode}]`;
  return [
    family,
    type,
    local && show(local),
    listening && "listening",
    peer !== "" && `to ${peer}`,
  ].filter(Boolean).join(" ");
}

/** The properties of a handle, a cell for each column. */
function row({ raw, kind, access, inheritable, position, references, ...about }: HandleInfo) {
  const { path, name, socket } = about;
  const number = process.platform === "win32" ? `0x${raw.toString(16)}` : String(raw);
  const what = [path ?? name, socket && describe(socket)].filter(Boolean).join(" ");
  return [
    number,
    kind,
    access,
    inheritable ? "yes" : "no",
    String(position ?? ""),
    String(references ?? ""),
    about.deleted ? `${what} (deleted)` : what,
  ];
}

function print(rows: string[][]): void {
  const widths = HEADER.map((_, at) => Math.max(...rows.map((cells) => cells[at]?.length ?? 0)));
  for (const cells of rows) {
    console.log(cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ").trimEnd());
  }
}

const pid = Number(process.argv[2] ?? process.pid);
try {
  const handles = listHandles(pid);
  console.log(`process ${pid} has ${handles.length} handles:`);
  print([HEADER, ...handles.map(row)]);
} catch (error) {
  if (!(error instanceof HandleError)) throw error;
  console.error(error.message); // no such process, or another user's: it says what would help
  process.exitCode = 1;
}
