/** What trackers need of an operating system. */

/**
 * Facts about an object that do not change as long as a number refers to it, always in the same order;
 * `undefined` where a fact is not known.
 */
export type Fingerprint = readonly (string | number | undefined)[];
