/** What trackers need of an operating system. */

/** What does not change as long as a number refers to one object; `undefined` where it is not known. */
export type Fingerprint = readonly (string | number | undefined)[];
