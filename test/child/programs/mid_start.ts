/** A program that runs in the middle of a start. */

/** A signal that calls a function when the runtime's `spawn` reads whether it is aborted. */
export function signalThat(run: () => unknown): AbortSignal {
  const { signal } = new AbortController();
  return Object.defineProperty(signal, "aborted", {
    get() {
      run();
      return false;
    },
  });
}
