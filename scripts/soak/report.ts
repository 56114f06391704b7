/** The line that a runtime's soak ends with, and whether it passed. */
import type { BareTally } from "./bare.ts";
import type { Tally } from "./caller.ts";
import type { Disturbance } from "./disturber.ts";
import { HEAP_SLACK, type Leak, MEMORY_SLACK } from "./leak.ts";

/** All that was measured in one runtime. */
export interface Report {
  readonly seed: number;
  readonly seconds: number;
  readonly bare: BareTally;
  readonly tallies: readonly Tally[];
  readonly disturbance: Disturbance;
  /** Signals that the handler saw. */
  readonly signals: number;
  readonly leak: Leak;
  /** The same for messages of a channel; `undefined` where there are no channels. */
  readonly messageLeak: Leak | undefined;
}

/** Everything that must not be, in words; nothing when the soak passed. */
export function problems(report: Report): string[] {
  const { bare, tallies, disturbance, signals, leak, messageLeak } = report;
  const found = tallies.flatMap(({ examples }) => examples);
  if (bare.wrong > 0) found.push(`${bare.wrong} bare calls, the last: ${bare.example}`);
  if (leak.leaks) found.push("handles or memory leak");
  if (messageLeak?.leaks === true) found.push("handles or memory of messages leak");
  // Calls in a quiet process would prove little.
  const noise = [disturbance.files, ...tallies.flatMap((tally) => [tally.timers, tally.files])];
  if (process.platform !== "win32") noise.push(signals);
  if (noise.includes(0)) found.push("there were no signals, timers or file system calls meanwhile");
  return found;
}

/** The figures in one line. */
export function summary(report: Report): string {
  const { seed, seconds, bare, tallies, disturbance, signals, leak, messageLeak } = report;
  const sum = (key: "calls" | "wrong" | "collections" | "timers" | "files"): number =>
    tallies.reduce((total, tally) => total + tally[key], 0);
  return [
    `${count(sum("calls"))} failing calls and ${count(bare.calls)} bare ones in ` +
    `${seconds.toFixed(1)} s, ${count(sum("wrong") + bare.wrong)} wrong`,
    `meanwhile ${count(sum("collections"))} forced collections, ${count(sum("timers"))} timers, ` +
    `${count(signals)} of ${count(disturbance.sent)} signals, ` +
    `${count(sum("files") + disturbance.files)} file system calls`,
    showLeak("pairs", leak),
    ...messageLeak === undefined ? [] : [showLeak("messages with a handle", messageLeak)],
    `seed ${seed}`,
  ].join("; ");
}

function showLeak(what: string, leak: Leak): string {
  const { seconds, handlesBefore, handlesAfter, heapGrowth, memoryGrowth } = leak;
  return `${count(leak.count)} ${what} in ${seconds.toFixed(1)} s, ` +
    `descriptors ${handlesBefore} → ${handlesAfter}, ` +
    `heap ${growth(heapGrowth)} bytes (at most ${count(HEAP_SLACK)}), ` +
    `memory ${growth(memoryGrowth)} (at most ${count(MEMORY_SLACK)})`;
}

/** With commas: the digits of a million are hard to count. */
function count(value: number): string {
  return value.toLocaleString("en-US");
}

function growth(bytes: number): string {
  return bytes.toLocaleString("en-US", { signDisplay: "always" });
}
