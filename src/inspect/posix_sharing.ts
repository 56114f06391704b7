/** Groups descriptors that share an open file, on Linux. */
import { orderOf } from "../../ffi/posix/identity.ts";
import type { HandleInfo } from "./types.ts";

/**
 * Sets `references` of each handle: how many descriptors of the process share its open file. Where the
 * kernel does not compare open files, the handles stay as they are.
 *
 * Only descriptors of one file can share an open file. Those of each file are sorted by the kernel's
 * order of open files, so n descriptors need n log n system calls and not n².
 */
export function countSharing(pid: number, handles: readonly HandleInfo[]): HandleInfo[] {
  if (!handles.some(({ raw }) => orderOf(pid, raw, raw) === 0)) return [...handles];
  const files = new Map<string, number[]>();
  for (const { raw, device, inode } of handles) {
    const file = `${device}:${inode}`;
    const group = files.get(file);
    if (group === undefined) files.set(file, [raw]);
    else group.push(raw);
  }
  const counts = new Map<number, number>();
  for (const group of files.values()) {
    for (const sharers of groupByOpenFile(pid, group)) {
      for (const raw of sharers) counts.set(raw, sharers.length);
    }
  }
  return handles.map((info) => ({ ...info, references: counts.get(info.raw) ?? 1 }));
}

/** Groups descriptors by open file. */
function groupByOpenFile(pid: number, group: readonly number[]): number[][] {
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
