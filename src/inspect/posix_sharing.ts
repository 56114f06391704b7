/** Counts the descriptors that share an open file, on Linux. */
import { pid as ownPid } from "../../ffi/host.ts";
import { isOneOpenFile, orderOf, visitDescriptors } from "../../ffi/posix/identity.ts";
import { tryOrUndefined } from "../util/platform.ts";
import type { HandleInfo } from "./types.ts";

/**
 * How many descriptors of this process share the open file of one, itself among them; `undefined` where
 * the kernel does not compare open files.
 *
 * @param directory a descriptor of /proc/self/fd, opened after `fd`, or `undefined`
 */
export function countSharers(fd: number, directory: number | undefined): number | undefined {
  if (!isComparable(fd)) return undefined;
  let count = 0;
  visitDescriptors(directory, (other) => {
    const isSharer = isOneOpenFile(fd, other);
    if (isSharer === true) count++;
    return isSharer !== undefined;
  });
  return count;
}

/**
 * Sets `references` of each handle: how many descriptors of the process share its open file. Where the
 * kernel does not compare open files, the handles stay as they are.
 *
 * Only descriptors of one file can share an open file. Those of each file are sorted by the kernel's
 * order of open files, so n descriptors need n log n system calls and not n². A few of this process are
 * compared each with each, which takes less time; where the order is forbidden, up to
 * {@linkcode MAX_COMPARED} are.
 */
export function countSharing(pid: number, handles: HandleInfo[]): HandleInfo[] {
  const isOwn = pid === ownPid();
  const isOrdered = handles.some(({ raw }) => tryOrUndefined(() => orderOf(pid, raw, raw)) === 0);
  if (!isOrdered && !(isOwn && handles.some(({ raw }) => isComparable(raw)))) return handles;
  const most = !isOwn ? 0 : isOrdered ? FEW : MAX_COMPARED;
  const files = new Map<string, number[]>();
  for (const { raw, device, inode } of handles) {
    const file = `${device}:${inode}`;
    const group = files.get(file);
    if (group === undefined) files.set(file, [raw]);
    else group.push(raw);
  }
  const counts = new Map<number, number>();
  for (const group of files.values()) {
    if (group.length > most && !isOrdered) continue;
    const found = group.length > most ? groupInOrder(pid, group) : groupByComparing(group);
    for (const sharers of found) {
      for (const raw of sharers) counts.set(raw, sharers.length);
    }
  }
  // In place: the descriptions are new, and nobody else has them yet.
  for (const info of handles as { raw: number; references?: number }[]) {
    const references = counts.get(info.raw);
    if (references !== undefined) info.references = references;
  }
  return handles;
}

/** So many descriptors of one file are compared in less time than sorted: about 100 comparisons. */
const FEW = 16;
/** The most that are compared each with each, which takes about 10 ms. */
const MAX_COMPARED = 256;

/**
 * Whether the kernel compares the open file of a descriptor. Where it says why not, whatever that is, no more
 * is asked; an error after it has compared one is thrown, since a count would be wrong.
 */
function isComparable(fd: number): boolean {
  return tryOrUndefined(() => isOneOpenFile(fd, fd)) === true;
}

/** Groups descriptors of this process by open file. */
function groupByComparing(group: readonly number[]): number[][] {
  const found: [number, ...number[]][] = [];
  for (const raw of group) {
    const sharers = found.find(([first]) => isOneOpenFile(first, raw) === true);
    if (sharers === undefined) found.push([raw]);
    else sharers.push(raw);
  }
  return found;
}

/** Groups descriptors of a process by open file. */
function groupInOrder(pid: number, group: readonly number[]): number[][] {
  // A descriptor that was closed in the meantime has no order: it lands anywhere and shares nothing.
  const sorted = [...group].sort((a, b) => orderOf(pid, a, b) ?? 0);
  const found: number[][] = [];
  let last: number[] | undefined;
  for (const raw of sorted) {
    if (last !== undefined && orderOf(pid, last[0]!, raw) === 0) last.push(raw);
    else found.push(last = [raw]);
  }
  return found;
}
