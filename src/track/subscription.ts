/** The trackers of this thread: the hooks of handles report as long as one of them runs. */
import { installHooks, removeHooks } from "./hooks.ts";
import { type Entry, Registry, type Subscriber } from "./registry.ts";
import type { HandleReport } from "./report.ts";
import type { Place } from "./stack.ts";

let registry: Registry | undefined;

/** Begins to report to a tracker. */
export function subscribe(subscriber: Subscriber): void {
  if (registry === undefined) installHooks(registry = new Registry());
  registry.subscribers.add(subscriber);
}

/** Ends to report to a tracker. */
export function unsubscribe(subscriber: Subscriber): void {
  if (registry?.subscribers.delete(subscriber) !== true || registry.subscribers.size > 0) return;
  removeHooks();
  registry = undefined;
}

/** The handles of a tracker that were neither closed nor released yet, the oldest first. */
export function liveOf(subscriber: Subscriber): Entry[] {
  return [...registry?.live ?? []].filter(({ serial }) => serial >= subscriber.since);
}

/** The leaks among them. A handle that other code has closed is no leak, and is reported as what it is. */
export function leaksOf(subscriber: Subscriber, place: Place): HandleReport[] {
  if (registry === undefined) return [];
  const found: HandleReport[] = [];
  for (const entry of liveOf(subscriber)) {
    const report = registry.leakOf(entry, place);
    if (report !== undefined) found.push(report);
  }
  return found;
}
