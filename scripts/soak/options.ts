/** The options of the soak: the same for the script that starts the runtimes and for the program. */

/** How much is done, and with which seed. */
export interface Options {
  /** Failing calls, over all threads. */
  readonly calls: number;
  /** Pairs of `duplicate` and `close` in the leak part. */
  readonly pairs: number;
  /** Messages with a handle each in the leak part, where there are channels. */
  readonly messages: number;
  /** The time limit of one runtime. */
  readonly minutes: number;
  /** What the choice of the calls starts from. */
  readonly seed: number;
}

/** The options and what they are for, as it is shown when one is unknown. */
const usage = "--calls=10000000 (failing calls), --pairs=1000000 (duplicate and close), " +
  "--messages=1000000 (with a handle each), --minutes=20 (limit), --seed=(random)";

/** Reads the arguments; what is not given has its default. */
export function parseOptions(args: readonly string[]): Options {
  const options = {
    calls: 10_000_000,
    pairs: 1_000_000,
    messages: 1_000_000,
    minutes: 20,
    seed: Math.floor(Math.random() * 2 ** 32),
  };
  for (const arg of args) {
    const [, name, digits] = /^--([a-z]+)=(\d+)$/.exec(arg) ?? [];
    if (name === undefined || !(name in options)) {
      throw new Error(`Cannot use ${arg}: the options are ${usage}`);
    }
    options[name as keyof typeof options] = Number(digits);
  }
  return options;
}
