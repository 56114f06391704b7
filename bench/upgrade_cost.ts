/** What the programs of the part "upgrades" have in common. */

/** How requests did during one of the two: printed as JSON. */
export interface Latencies {
  readonly requests: number;
  /** The 99.9th percentile and the longest, in milliseconds. */
  readonly most: number;
  readonly longest: number;
}

/** A server that was replaced, and the same one beside a process that only started. */
export interface UpgradeCost {
  readonly during: Latencies;
  readonly beside: Latencies;
}
