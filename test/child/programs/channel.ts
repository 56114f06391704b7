/** A child of channel.test.ts. Its first argument is what it does with its channel. */
import { inherited, inheritedNames, parentChannel } from "duphandle";
import { next } from "../../support/channel_ends.ts";
import { limits, receiveSizes, sendSizes } from "./channel_sizes.ts";
import { report, thrownBy } from "../../support/report.ts";

/** What tells a child of its handles, and of its channel. */
const variables = ["DUPHANDLE_HANDLES", "DUPHANDLE_CHANNEL"];
const told = () => variables.map((name) => process.env[name]);

const actions: Readonly<Record<string, () => unknown>> = {
  /** Looks for its channel and its handles, and says what it found. */
  async find() {
    const channel = parentChannel();
    const again = parentChannel() === channel;
    const refused = thrownBy(() => parentChannel({ maxHandles: -1 }))?.["name"];
    const names = inheritedNames();
    for (const name of names) inherited(name).close();
    if (channel === undefined) return { found: false, again, refused, names, told: told() };
    const early = (await next(channel)).message;
    const { pid } = channel;
    await channel.send("here");
    const end = await channel.receive();
    await channel.close();
    const later = parentChannel() === channel && channel.closed;
    return { found: true, again, refused, names, told: told(), early, pid, end, later };
  },
  /** Accepts other sizes than its parent does. */
  async sizes() {
    const channel = parentChannel(limits.child)!;
    parentChannel({ maxHandles: 100 }); // too late: what the first call says counts
    const outcomes = await sendSizes(channel, limits.parent);
    const received = await receiveSizes(channel);
    await channel.close();
    return { outcomes, received };
  },
  /** Says that it is there, and waits to be killed: only the channel keeps it alive. */
  async wait() {
    await parentChannel()!.send("here");
    return "not killed";
  },
};

report(await actions[process.argv[2] as string]!());
