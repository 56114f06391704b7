/** A server among hostile clients and honest ones, in mixed order: it loses no honest one. */
import { HandleChannel, type OwnedHandle } from "duphandle";
import { describe, expect, test } from "vitest";
import { attacks, echo, visit } from "../support/attack.ts";
import { place } from "../support/channel_ends.ts";
import { canBeHostile, scenarios, Seen, useChannel } from "../support/hostile.ts";
import { isLong } from "../support/rounds.ts";

/** Many in one runtime only: they take minutes. */
const CLIENTS = (isLong && process.env["DUPHANDLE_TARGET"] === "node" ? 2000 : 400) / 2;
/** How many honest clients are there at a time. */
const AT_ONCE = 8;

/**
 * Those that a crowd is made of. The ones that wait for a limit or say much would take hours, and some are
 * hostile to a program only that does not use its channel as this server does.
 */
const crowd = scenarios("client").filter(({ name, options, app, expect }) =>
  Object.keys(options).length === 0 &&
  (app === "quiet" || app === "use" && expect !== "protocol") &&
  !/^an ack|JSON|flood|MiB|byte by byte|50,000|rings/.test(name)
).map(({ name }) => name);
/** These are silent, each for as long as it may be. */
const silent = ["one connection and nothing said", "preambles and no hello", "half a hello"];

describe.runIf(canBeHostile)("a crowd (Linux)", () => {
  const all = attacks();

  test(`of ${2 * CLIENTS} clients, every other one hostile: no honest one is lost, seed ${all.seed}`, async () => {
    using where = place();
    const seen = new Seen();
    const uses: Promise<void>[] = [];
    await using _ = await HandleChannel.listen(where.path, (channel) => {
      const used = channel.pid === process.pid
        ? echo(channel)
        : useChannel(channel, "use", all.file, Promise.resolve(), seen);
      uses.push(used);
      if (uses.length > 100) void uses.shift();
    }, { handshakeTimeout: 5000, closeTimeout: 300, onError: (error) => seen.codeOf(error) });

    const names = [...crowd, ...silent];
    let isOver = false;
    const hostile = all.peer.crowd(names, where.path, CLIENTS, all.seed).finally(() =>
      isOver = true
    );
    let honest = 0;
    const lane = async (file: OwnedHandle) => {
      while (honest < CLIENTS || !isOver) {
        honest++;
        await visit(where.path, file);
        // Some, not all, before the hostile ones have had their turn.
        if (honest > CLIENTS && !isOver) await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, () => lane(all.file)));
    const tally = await hostile;
    await Promise.all(uses);
    expect(honest).toBeGreaterThanOrEqual(CLIENTS);
    expect(seen.wrongFiles).toEqual([]);
    expect(seen.foreign.map(String)).toEqual([]);
    // Beside silent ones that are dropped for another, which a client that waits to be hung up may be.
    expect(
      Object.keys(tally).filter((end) => !["hung up", "left", "killed"].includes(end)),
      JSON.stringify(tally),
    ).toEqual([]);
  });
});
