/** Stacks as text. */

/** A function at which a stack is cut: its callers are shown, and what it called is not. */
export type Place = (...args: never[]) => unknown;

/**
 * The calls that led to a function, innermost first, as the engine writes them.
 *
 * @param below the function whose callers to show; it and the functions that it called are left out
 * @param depth the most calls to show
 */
export function stackBelow(below: Place, depth: number): string {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = depth;
  try {
    const place: { stack?: string } = {};
    Error.captureStackTrace(place, below);
    return frames(place.stack);
  } finally {
    Error.stackTraceLimit = before;
  }
}

/** The frames alone: the first line would name an error, and there is none. */
function frames(stack: string | undefined): string {
  const lines = (stack ?? "").split("\n");
  return lines.filter((line) => /^\s*at /.test(line)).map((line) => line.trim()).join("\n");
}
