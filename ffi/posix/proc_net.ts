/**
 * The lists of sockets in a process's network namespace, from its directory /proc/PID/net: proc_pid_net(5).
 * They can be read for another namespace too, and do not have the peers of Unix sockets.
 */
import { scratch } from "../backend/scratch.ts";
import { wholeText } from "./proc.ts";
import { inetSocket, type InetTable, type IsWanted, type ListedSocket } from "./sock_diag.ts";
import { ipv6Text } from "./socket_name.ts";

/** The bit in the flags of a Unix socket that listens: __SO_ACCEPTCON of linux/net.h. */
const LISTENS = 0x1_0000;

/** Columns of a line of tcp, udp and raw. */
const LOCAL = 1;
const REMOTE = 2;
const STATE = 3;
const INODE = 9;

/**
 * The wanted Unix sockets in the namespace of a process, by inode.
 *
 * @throws {HandleError} when the list cannot be read
 */
export function unixSocketsOf(
  pid: number,
  isWanted: (inode: number, path: string) => boolean,
): Map<number, ListedSocket> {
  const found = new Map<number, ListedSocket>();
  for (const line of linesOf(`/proc/${pid}/net/unix`)) {
    const [, flags, type, inode, path = ""] =
      /^\w+: \w+ \w+ (\w{8}) (\w{4}) \w+ +(\d+)(?: (.*))?$/.exec(line) ?? [];
    if (inode === undefined || !isWanted(Number(inode), path)) continue;
    found.set(Number(inode), {
      type: parseInt(type!, 16),
      isListening: (parseInt(flags!, 16) & LISTENS) !== 0,
      local: { family: "unix", path: path.replace(/^@/, "\0") },
      remote: undefined,
    });
  }
  return found;
}

/**
 * The wanted sockets of a table in the namespace of a process, by inode.
 *
 * @param file the name of the table in /proc/PID/net
 * @throws {HandleError} when the list cannot be read
 */
export function inetSocketsOf(
  pid: number,
  file: string,
  { type, family }: InetTable,
  isWanted: IsWanted,
): Map<number, ListedSocket> {
  const found = new Map<number, ListedSocket>();
  for (const line of linesOf(`/proc/${pid}/net/${file}`)) {
    const columns = line.trim().split(/ +/);
    const inode = Number(columns[INODE]);
    if (!isWanted(inode, parseInt(columns[LOCAL]?.split(":")[1] ?? "", 16))) continue;
    const [local, remote] = [columns[LOCAL]!, columns[REMOTE]!].map((text) =>
      readName(family, text)
    );
    found.set(inode, inetSocket(type, parseInt(columns[STATE]!, 16), local!, remote!));
  }
  return found;
}

/** The lines of a list; none when its process has ended. */
function linesOf(path: string): string[] {
  return wholeText(path)?.split("\n") ?? [];
}

/** An address such as `0100007F:1F90`: words of memory as hexadecimal numbers, and the port. */
function readName(family: "IPv4" | "IPv6", text: string) {
  const [words = "", port = ""] = text.split(":");
  const { bytes, data } = scratch();
  for (let at = 0; at * 8 < words.length; at++) {
    data.setUint32(at * 4, parseInt(words.slice(at * 8, at * 8 + 8), 16), true);
  }
  const address = family === "IPv4" ? bytes.subarray(0, 4).join(".") : ipv6Text(0, 0);
  return { family, address, port: parseInt(port, 16) };
}
