/** Duplicates and closes many times, and tells what is left. */
import { duplicate } from "duphandle";
import { descriptorCount } from "../../support/open_handles.ts";
import { report } from "../../support/report.ts";

/** Until the engine has compiled what it will compile. */
const WARM_UP = 60_000;
const pairs = Number(process.argv.at(-1));
const { gc, Bun } = globalThis as { gc?: () => void; Bun?: { gc(force: boolean): void } };
const source = duplicate(1);

churn(Math.max(pairs / 10, WARM_UP));
const handles = descriptorCount();
let grown = growth();
// An engine may compile just then, but only once: a leak comes again.
if (grown > pairs / 2) grown = Math.min(grown, growth());
report({ handles: descriptorCount() - handles, grown });
source.close();

/** By how many bytes the heap grows. */
function growth(): number {
  const before = heapUsed();
  churn(pairs);
  return heapUsed() - before;
}

function churn(count: number): void {
  for (let done = 0; done < count; done++) {
    const copy = duplicate(source);
    copy.close();
  }
}

function heapUsed(): number {
  for (let round = 0; round < 3; round++) Bun === undefined ? gc?.() : Bun.gc(true);
  return process.memoryUsage().heapUsed;
}
