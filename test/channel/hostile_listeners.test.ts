/** Listeners that break the protocol: who connects to one gets an error of this library, and loses nothing. */
import { HandleChannel } from "duphandle";
import { describe, expect, test } from "vitest";
import { attacks } from "../support/attack.ts";
import { place } from "../support/channel_ends.ts";
import {
  canBeHostile,
  type Scenario,
  scenarios,
  type Seen,
  useChannel,
} from "../support/hostile.ts";
import { rounds, some } from "../support/rounds.ts";

/** What a connection that comes to nothing may be called. */
const refusals = ["ECONNREFUSED", "EPIPE", "EPROTO", "ETIMEDOUT"];

describe.runIf(canBeHostile)("a hostile listener (Linux)", () => {
  const all = attacks();

  const connect = async ({ options }: Scenario, path: string, seen: Seen) => {
    const { abort, ...limits } = options;
    const giveUp = new AbortController();
    const reason = new Error("given up");
    const timer = abort === undefined ? undefined : setTimeout(() => giveUp.abort(reason), abort);
    try {
      return await HandleChannel.connect(path, { ...limits, signal: giveUp.signal });
    } catch (error) {
      if (abort === undefined) {
        seen.received.push(`${seen.codeOf(error)}: ${String(error)}`);
        expect(refusals).toContain(seen.codeOf(error));
      }
      if (abort !== undefined) expect(error).toBe(reason);
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  };

  const play = async (scenario: Scenario, seed: number) => {
    using where = place();
    await all.run(scenario, async (seen) => {
      const { end } = await all.peer.listen(scenario.name, where.path, seed);
      const channel = await connect(scenario, where.path, seen);
      if (channel !== undefined) await useChannel(channel, scenario.app, all.file, end, seen);
      return await end;
    });
  };

  const known = scenarios("listener");
  test.each(some(known).map((each) => [each.name, each] as const))(
    "%s",
    (_, scenario) => play(scenario, all.seed),
  );

  test(`bytes that are changed here and there, seed ${all.seed}`, async () => {
    const scenario = known.find(({ name }) => name === "changed bytes of a listener")!;
    for (let round = 1; round <= rounds(30); round++) await play(scenario, all.seed + round);
  });
});
