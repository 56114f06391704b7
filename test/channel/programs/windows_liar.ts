/**
 * A peer that speaks badly to a server that the test is: `windows_liar.ts path pid seed count rude`.
 * One after the other, some at a time, its channels say a hello, most of them prove who this is, and
 * then comes what no well-behaved peer sends, until the other side hangs up. It ends when so many bad
 * inputs were heard. With "rude" it hangs up first now and then.
 */
import * as win32 from "duphandle/win32";
import { frame, helloFrame, Kind } from "../../../src/channel/frames.ts";
import { defaultLimits } from "../../../src/channel/types.ts";
import { connectTo } from "../../../src/channel/windows_pipe.ts";
import { badHello, badInput, goodInput, Random } from "../../support/channel_fuzz.ts";
import { turns } from "../../support/channel_ends.ts";
import { Liar } from "../../support/channel_liar.ts";
import { report } from "../../support/report.ts";

const [path = "", pid = "", seed = "", count = "", rude] = process.argv.slice(2);
const AT_ONCE = 8;
const never = new AbortController().signal;
/** More than the server accepts in a frame, so it completes the last one and begins one that is too long. */
const gibberish = new Uint8Array(6000).fill(255);

const listener = win32.OpenProcess(win32.PROCESS_DUP_HANDLE, false, Number(pid));
const event = win32.CreateEventW(null, true, false, null);
const hello = helloFrame({ pid: process.pid, limits: defaultLimits });
const tally = { channels: 0, inputs: 0, refused: 0, agreed: 0, left: 0 };

/** One channel, from its hello to its end. */
async function lie(random: Random): Promise<void> {
  using liar = new Liar(await connectTo(path, never));
  const says = random.below(8) > 0;
  liar.say(says ? hello : badHello(random));
  const proves = says && random.below(6) > 0;
  if (proves) await liar.prove(listener);
  for (let more = random.below(3); more > 0; more--) liar.say(goodInput(random, event));
  if (proves && random.below(4) === 0) {
    liar.say(frame(Kind.Bye));
    await liar.hear(Kind.Bye);
    tally.agreed++;
    return;
  }
  for (let more = 1 + random.below(3); more > 0 && !liar.isOver; more--) {
    const bytes = badInput(random, event);
    const cut = random.below(4) === 0 ? random.below(bytes.length + 1) : bytes.length;
    liar.say(bytes.subarray(0, cut));
    if (random.below(3) === 0) await turns(2);
    liar.say(bytes.subarray(cut));
    tally.inputs++;
  }
  if (rude !== undefined && random.below(4) === 0) {
    tally.left++;
    return;
  }
  liar.say(gibberish);
  await liar.over();
  tally.refused++;
}

async function lieOn(): Promise<void> {
  while (tally.inputs < Number(count)) {
    const random = new Random(Number(seed) + tally.channels++);
    try {
      await lie(random);
    } catch (error) {
      // It did not hear what it waited for.
      if (!(error instanceof Error && error.message.includes("hung up"))) throw error;
      tally.refused++;
    }
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, lieOn));
win32.CloseHandle(event);
win32.CloseHandle(listener);
report(tally);
