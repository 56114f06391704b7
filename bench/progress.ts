/** Says on stderr what is being measured, since when, and how long the rest will take. */
import process from "node:process";
import type { Estimate } from "./part.ts";

/** Where there is no terminal, a step that goes on prints its details this often. */
const DETAIL_INTERVAL_MS = 10_000;

/** On a terminal one line that changes; elsewhere a line for each step, and more for a long one. */
export class Progress {
  readonly #start = performance.now();
  readonly #isTerminal = process.stderr.isTTY;
  #left: Estimate | undefined;
  #stepStart = this.#start;
  #lastPrinted = -Infinity;

  /** Prints that a step begins. */
  step(what: string, left?: Estimate): void {
    this.#left = left;
    this.#stepStart = performance.now();
    this.#print(what);
  }

  /** Prints what the step is at. */
  detail(what: string): void {
    if (this.#isTerminal || performance.now() - this.#lastPrinted >= DETAIL_INTERVAL_MS) {
      this.#print(what);
    }
  }

  /** Prints how long everything took, and leaves the line. */
  end(): void {
    this.#left = undefined;
    this.#print("done");
    if (this.#isTerminal) process.stderr.write("\n");
  }

  #print(what: string): void {
    this.#lastPrinted = performance.now();
    const left = this.#left === undefined
      ? ""
      : showLeft(this.#left, this.#lastPrinted - this.#stepStart);
    const line = `[${showClock(this.#lastPrinted - this.#start)}] ${what}${left}`;
    process.stderr.write(this.#isTerminal ? `\r\x1b[K${line}` : `${line}\n`);
  }
}

/** When a round takes longer than expected, the estimate of the rounds after it does not change. */
function showLeft({ now, after, complete }: Estimate, elapsed: number): string {
  const left = Math.max(now - elapsed, 0) + after;
  if (left === 0) return "";
  return `, ${complete ? "about" : "at least"} ${showDuration(left)} left`;
}

function showDuration(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000);
  return seconds < 100 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}

/** Minutes and seconds. */
function showClock(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
