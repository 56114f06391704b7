/** Doing many things of which one may fail: the others are done all the same. */

/** Does one thing with each, and then throws what the first that failed has thrown. */
export function attemptEach<Item>(items: Iterable<Item>, action: (item: Item) => unknown): void {
  const attempts = new Attempts();
  for (const item of items) attempts.run(() => action(item));
  attempts.end();
}

/** Collects what goes wrong until all is done. */
export class Attempts {
  readonly #errors: unknown[] = [];

  /** Does one thing. */
  run(action: () => unknown): void {
    try {
      action();
    } catch (error) {
      this.failed(error);
    }
  }

  /** Takes note of what one thing has thrown. */
  failed(error: unknown): void {
    this.#errors.push(error);
  }

  /** Throws what the first thing that failed has thrown. */
  end(): void {
    if (this.#errors.length > 0) throw this.#errors[0];
  }
}
