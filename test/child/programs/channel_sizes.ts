/** What the two ends of channel.test.ts send each other, to find what the other accepts. */
import type { HandleChannel, HandleError } from "duphandle";
import { next } from "../../support/channel_ends.ts";

/** What a side accepts, all of it. */
type Limits = Readonly<Record<"maxMessageBytes" | "maxHandles", number>>;

/** What each side accepts: no two numbers are the same, and none is the default. */
export const limits: { readonly [side in "parent" | "child"]: Limits } = {
  parent: { maxMessageBytes: 300, maxHandles: 3 },
  child: { maxMessageBytes: 200, maxHandles: 1 },
};

/** What a message has beside its text: its head, and the quotation marks. */
const BESIDE = 12 + 2;

/** Sends a side as much as it accepts and a little more, in bytes and in handles; what came of each. */
export async function sendSizes(
  channel: HandleChannel,
  { maxMessageBytes, maxHandles }: Limits,
): Promise<string[]> {
  const outcomes: string[] = [];
  for (const extra of [0, 1]) {
    const text = "x".repeat(maxMessageBytes - BESIDE + extra);
    outcomes.push(await outcomeOf(channel.send(text)));
    const handles = Array.from({ length: maxHandles + extra }, () => 1);
    outcomes.push(await outcomeOf(channel.send("", handles)));
  }
  return outcomes;
}

/** Receives what {@linkcode sendSizes} of the other side could send: its bytes and its handles. */
export async function receiveSizes(
  channel: HandleChannel,
): Promise<[bytes: number, count: number]> {
  using text = await next(channel);
  using list = await next(channel);
  return [String(text.message).length + BESIDE, list.handles.length];
}

/** `"done"`, or the error as text. */
export async function outcomeOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(
    () => "done",
    ({ code, message }: HandleError) => `${code}: ${message}`,
  );
}
