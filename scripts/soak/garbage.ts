/** Work for the garbage collector, and a way to make it collect now. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Random } from "./random.ts";

/** How many pieces stay reachable, so that some of the garbage grows old before it dies. */
const KEPT = 4096;
/** One piece in this many is a large buffer, whose memory the collector gives back to the system. */
const RARE = 2048;
const MEBIBYTE = 2 ** 20;

/** Makes garbage of all ages and sizes, a piece at each call. */
export function litterer(random: Random): () => void {
  const kept: unknown[] = [];
  return () => {
    const piece = random(RARE) === 0
      ? new Uint8Array((1 + random(4)) * MEBIBYTE).fill(1)
      : Array.from(
        { length: random(32) },
        (_, at) => ({ at, text: `piece ${at}`, big: 2n ** 70n }),
      );
    kept[random(KEPT)] = piece;
  };
}

/** Collects all garbage of this thread, and gives how many bytes of JavaScript remain. */
export function collector(): () => number {
  const bun = (globalThis as { Bun?: { gc(synchronous: boolean): void } }).Bun;
  const collect = bun === undefined ? exposedGc() : () => bun.gc(true);
  return () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
}

/** The engine's own `gc`, which a flag shows to contexts that are made after it is set. */
function exposedGc(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}
