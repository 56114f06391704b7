/** What else goes on in each calling thread: timers, and file system calls on the thread pool. */
import { readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const existing = fileURLToPath(import.meta.url);

/** Timers and asynchronous file system calls, from its making until it is stopped. */
export class Noise {
  /** Timers that came. */
  timers: number;
  /** File system calls that ended, about half of them in an error. */
  files: number;
  readonly #intervals: NodeJS.Timeout[];
  readonly #loops: Promise<void>[];
  #going: boolean;

  constructor() {
    this.timers = 0;
    this.files = 0;
    this.#going = true;
    this.#intervals = [1, 2, 5].map((ms) => setInterval(() => this.timers++, ms));
    this.#loops = [0, 1, 2, 3].map((at) => this.#useFiles(`${existing}.missing-${at}`));
  }

  /** Ends it all, and waits for what is under way. */
  async stop(): Promise<void> {
    this.#going = false;
    this.#intervals.forEach((interval) => clearInterval(interval));
    await Promise.all(this.#loops);
  }

  async #useFiles(missing: string): Promise<void> {
    while (this.#going) {
      await readFile(existing);
      await stat(missing).then(refuse, () => undefined);
      this.files += 2;
    }
  }
}

function refuse(): never {
  throw new Error("Cannot go on: a file that must not exist does");
}
