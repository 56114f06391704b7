/** Running several actions, of which each runs even when another one throws. */

/** Runs an action for each item, and then throws the first error. */
export function attemptEach<Item>(items: Iterable<Item>, action: (item: Item) => unknown): void {
  const attempts = new Attempts();
  for (const item of items) attempts.run(() => action(item));
  attempts.end();
}

/** Runs actions and collects their errors until all have run. */
export class Attempts {
  readonly #errors: unknown[] = [];

  /** Runs one action. */
  run(action: () => unknown): void {
    try {
      action();
    } catch (error) {
      this.failed(error);
    }
  }

  /** Adds the error of one action. */
  failed(error: unknown): void {
    this.#errors.push(error);
  }

  /** Throws the first error, if there was one. */
  end(): void {
    if (this.#errors.length > 0) throw this.#errors[0];
  }
}
