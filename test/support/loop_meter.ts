/** How long the event loop of this process was kept from turning. */

/** A time that a machine of today needs for the work of {@linkcode calibrate}, in milliseconds. */
const USUAL_MS = 25;

/** The longest pause between two turns. */
export interface Pause {
  /** By the clock, in milliseconds: the pauses that the machine made for other processes count too. */
  readonly wall: number;
  /** What this process computed in that time, in milliseconds. */
  readonly cpu: number;
}

/** Measures from its start on. */
export class LoopMeter implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  #last = performance.now();
  #lastCpu = cpuTime();
  #longest: Pause = { wall: 0, cpu: 0 };

  constructor() {
    this.#timer = setInterval(() => this.#look(), 2);
  }

  /** The longest pause until now: each number for itself. */
  get longest(): Pause {
    this.#look();
    return this.#longest;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const [now, cpu] = [performance.now(), cpuTime()];
    this.#longest = {
      wall: Math.max(this.#longest.wall, now - this.#last),
      cpu: Math.max(this.#longest.cpu, cpu - this.#lastCpu),
    };
    this.#last = now;
    this.#lastCpu = cpu;
  }
}

function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** How many times as long as a usual machine this one takes for the same work: at least once. */
export function calibrate(): number {
  const text = JSON.stringify(
    Array.from({ length: 20_000 }, (_, at) => ({ name: `a${at % 100}`, at })),
  );
  const times = Array.from({ length: 7 }, () => {
    const start = cpuTime();
    for (let again = 0; again < 3; again++) JSON.parse(text);
    return cpuTime() - start;
  });
  return Math.max(1, times.sort((one, other) => one - other)[3]! / USUAL_MS);
}
