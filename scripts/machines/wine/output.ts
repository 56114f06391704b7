// The output of a Windows program. It goes to a file, for Node for Windows dies when it is a pipe.

import { readSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

// Bun says this for each package it looks at, since Wine spells paths in another way. It is harmless. It
// comes in several writes, and those of two processes interleave, so each piece is taken out by itself.
const NOISE = new RegExp(
  'Internal error: directory mismatch for directory "|' +
    '[^"\\n]*", fd \\d+\\[handle\\]|' +
    "\\. You don't need to do anything, but this indicates a bug\\.\\r?\\n?",
  "g",
);

/** Without what is no part of a program's own output. */
export function withoutNoise(text: string): string {
  return text.replace(NOISE, "");
}

/** Reads a file that is being written, and passes on whole lines until `stop` aborts and all is read. */
export async function follow(
  fd: number,
  stop: AbortSignal,
  onOutput: (text: string) => void,
): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  const decoder = new TextDecoder();
  let position = 0;
  let pending = "";
  for (;;) {
    // Looked at before reading: what was written until then is read below.
    const last = stop.aborted;
    let count: number;
    while ((count = readSync(fd, buffer, 0, buffer.length, position)) > 0) {
      position += count;
      pending += decoder.decode(buffer.subarray(0, count), { stream: true });
    }
    const end = last ? pending.length : pending.lastIndexOf("\n") + 1;
    const text = withoutNoise(pending.slice(0, end));
    pending = pending.slice(end);
    if (text !== "") onOutput(text);
    if (last) return;
    await sleep(100, undefined, { signal: stop }).catch(() => {});
  }
}
