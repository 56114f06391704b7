/** Targets, and whether they were met. */

/** A target that is an upper bound. */
export interface Verdict {
  readonly most: number;
  /** What the number is a ratio to, or its unit. */
  readonly against: string;
  readonly reached: number;
  readonly met: boolean;
}

/** A target that is a lower bound. */
export interface LeastVerdict {
  readonly least: number;
  readonly against: string;
  readonly reached: number;
  readonly met: boolean;
}

/** Compares with an upper bound. */
export function atMost(most: number, against: string, reached: number): Verdict {
  return { most, against, reached, met: reached <= most };
}

/** Compares with a lower bound. */
export function atLeast(least: number, against: string, reached: number): LeastVerdict {
  return { least, against, reached, met: reached >= least };
}
