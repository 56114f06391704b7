/** The rows of the support table. A new feature gets a row in the file that it belongs to. */
import type { Feature } from "./claims.ts";
import { handleFeatures } from "./handle_features.ts";
import { otherFeatures } from "./other_features.ts";
import { processFeatures } from "./process_features.ts";
import { streamFeatures } from "./stream_features.ts";

/** What the library does, in the order of the table. */
export const features: readonly Feature[] = [
  ...handleFeatures,
  ...processFeatures,
  ...streamFeatures,
  ...otherFeatures,
];
