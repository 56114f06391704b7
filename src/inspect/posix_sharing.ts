/** Which of many descriptors share an open file, on Linux. */
import { orderOf } from "../../ffi/posix/identity.ts";
import type { HandleInfo } from "./types.ts";

/**
 * Adds to each handle how many of the process share its open file, where the kernel tells it.
 *
 * Only descriptors of one file can. Those of a file are sorted by the order that the kernel has for
 * open files, so that n of them cost n log n questions and not n².
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
    for (const sharers of sharing(pid, group)) {
      for (const raw of sharers) counts.set(raw, sharers.length);
    }
  }
  return handles.map((info) => ({ ...info, references: counts.get(info.raw) ?? 1 }));
}

/** The descriptors, put together that share an open file. */
function sharing(pid: number, group: readonly number[]): number[][] {
  // What is closed meanwhile has no order: it stands somewhere and shares nothing.
  const sorted = [...group].sort((a, b) => orderOf(pid, a, b) ?? 0);
  const found: number[][] = [];
  let last: number[] | undefined;
  for (const raw of sorted) {
    if (last !== undefined && orderOf(pid, last[0]!, raw) === 0) last.push(raw);
    else found.push(last = [raw]);
  }
  return found;
}
