/** Pseudo-random numbers that a printed seed repeats: the same in every runtime. */

/** Gives an integer from 0 to one below its argument. */
export type Random = (below: number) => number;

/** Mulberry32: small and fast, and good enough to mix calls. Each thread has its own stream. */
export function randomFrom(seed: number, stream: number): Random {
  let state = (seed + Math.imul(stream, 0x9e37_79b9)) >>> 0;
  return (below) => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 * below);
  };
}
