/** What the programs of the part "sockets" have in common. */

/** What every server of HTTP answers. */
export const BODY = "hello";

/** The requests that a server answered in a second: printed as JSON. */
export interface ServerCost {
  /** What serves, such as `http.Server`. */
  readonly server: string;
  /** By what it was adopted. */
  readonly by: "toServer" | "serveOn";
  readonly adopted: number;
  readonly bound: number;
  /** The median of the ratios of batches that ran one after the other. */
  readonly ratio: number;
}
