/** What the process holds, so that a test can prove that it left nothing behind. */
import * as fs from "node:fs";
import { isDeno, isWindows } from "./system.ts";
import { windowsHandles } from "./windows_handles.ts";

/** The open handles, each as a line of text. */
export function openHandles(): string[] {
  if (isWindows) return windowsHandles();
  const found: string[] = [];
  for (const fd of fs.readdirSync("/proc/self/fd")) {
    try {
      found.push(`${fd} -> ${fs.readlinkSync(`/proc/self/fd/${fd}`)}`);
    } catch {
      // The descriptor that listed the folder is closed by now.
    }
  }
  return found.filter((line) => !NOT_OURS.test(line));
}

/**
 * What the runtime makes for itself the first time that it waits for something, and the cache that the loader
 * of TypeScript for Node 20 tidies at any time.
 */
const NOT_OURS = /anon_inode:\[event|\/tsx-\d+(\/|$)/;

/**
 * How many descriptors are open, without what a runtime opens for itself at any time: Deno makes a pair
 * of sockets some half a second after its start, on a busy machine later. For programs
 * without sockets of their own; others wait until it is {@linkcode settled}, and count {@linkcode openHandles}.
 */
export function descriptorCount(): number {
  return openHandles().filter((line) => !isDeno || !line.includes("socket:")).length;
}

/** The handles that are open now and were not then. */
function newHandles(before: readonly string[]): string[] {
  const rest = [...before];
  return openHandles().filter((line) => {
    const at = rest.indexOf(line);
    if (at === -1) return true;
    rest.splice(at, 1);
    return false;
  });
}

/** The handles that stay open although everything has ended. */
export async function leftOpen(before: readonly string[]): Promise<string[]> {
  // A runtime closes some things only after the promise that told of their end, and Wine what it
  // keeps for children some five seconds after the last of them.
  const patience = isWindows ? 8000 : 4000;
  for (let wait = 1; wait < patience && newHandles(before).length > 0; wait *= 2) {
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
  return newHandles(before);
}

/**
 * Waits until the runtime has opened what it opens for itself, some half a second after its start or
 * later on a busy machine. In Deno on Linux that is a pair of sockets for signals, which a listener
 * makes it open at once.
 */
export async function settled(): Promise<void> {
  void [process.stdin, process.stdout, process.stderr]; // Bun gives each a descriptor of its own
  if (!isDeno) return;
  if (isWindows) {
    while (performance.now() < 1000) await new Promise((resolve) => setTimeout(resolve, 50));
    return;
  }
  const listener = () => {};
  process.on("SIGUSR2", listener);
  process.off("SIGUSR2", listener);
}
