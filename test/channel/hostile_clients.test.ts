/** Clients that break the protocol in every way that programs/hostile_peer.py knows: a server goes on. */
import { describe, test } from "vitest";
import { attacked, attacks, visit } from "../support/attack.ts";
import { place } from "../support/channel_ends.ts";
import { canBeHostile, type Scenario, scenarios } from "../support/hostile.ts";
import { rounds, some } from "../support/rounds.ts";

describe.runIf(canBeHostile)("a hostile client (Linux)", () => {
  const all = attacks();

  const play = async (scenario: Scenario, seed: number) => {
    using where = place();
    await all.run(scenario, async (seen) => {
      const server = await attacked(scenario, where.path, all.file, seen);
      try {
        const end = await all.peer.play(scenario.name, where.path, seed);
        await visit(where.path, all.file);
        return end;
      } finally {
        await server.end();
      }
    });
  };

  const known = scenarios("client");
  test.each(some(known).map((each) => [each.name, each] as const))(
    "%s",
    (_, scenario) => play(scenario, all.seed),
  );

  test(`bytes that are changed here and there, seed ${all.seed}`, async () => {
    const scenario = known.find(({ name }) => name === "changed bytes")!;
    for (let round = 1; round <= rounds(30); round++) await play(scenario, all.seed + round);
  });
});
