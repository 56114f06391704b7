/** Says on stderr what is being measured, since when, and how long the rest will take. */
import process from "node:process";
import type { Estimate } from "./part.ts";

/** Where there is no terminal, a step that goes on prints its details this often. */
const DETAIL_INTERVAL_MS = 10_000;

/** On a terminal one line that changes; elsewhere a line for each step, and more for a long one. */
export class Progress {
  readonly #start = performance.now();
  readonly #isTerminal = process.stderr.isTTY;
  #left = "";
  #lastPrinted = -Infinity;

  /** Prints that a step begins. */
  step(what: string, left?: Estimate): void {
    this.#left = left === undefined ? "" : showEstimate(left);
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
    this.#left = "";
    this.#print("done");
    if (this.#isTerminal) process.stderr.write("\n");
  }

  #print(what: string): void {
    this.#lastPrinted = performance.now();
    const line = `[${showClock(this.#lastPrinted - this.#start)}] ${what}${this.#left}`;
    process.stderr.write(this.#isTerminal ? `\r\x1b[K${line}` : `${line}\n`);
  }
}

function showEstimate({ milliseconds, complete }: Estimate): string {
  if (milliseconds === 0) return "";
  return `, ${complete ? "about" : "at least"} ${showDuration(milliseconds)} left`;
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
