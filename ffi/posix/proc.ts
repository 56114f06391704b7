/** The text files below /proc, by the system's own calls, for which no runtime asks a permission. */
import { O_CLOEXEC, O_RDONLY } from "./constants.ts";
import { close } from "./dup.ts";
import { open, read } from "./file.ts";

/** Room for the start of a file: what is looked for stands there. */
const start = /* @__PURE__ */ new Uint8Array(4096);

/** The first 4 KiB of a file; `undefined` when it is not there or cannot be read. */
export function procText(path: string): string | undefined {
  let file: number;
  try {
    file = open(path, O_RDONLY | O_CLOEXEC);
  } catch {
    return undefined;
  }
  try {
    return new TextDecoder().decode(start.subarray(0, read(file, start)));
  } catch {
    return undefined; // what it is about has ended
  } finally {
    close(file);
  }
}
