/**
 * A child with a file, two pipes and a socket: it says what it got, waits until its parent has
 * looked, and uses each of them. Without handles it only says what the runtime has open.
 */
import { inherited, inheritedNames } from "duphandle";
import { openHandles, settled } from "../../support/open_handles.ts";
import { receiveText, sendText } from "../../support/sockets.ts";
import { positionOf, readRaw, writeRaw } from "../../support/system.ts";
import { report } from "../../support/report.ts";

await settled();
const names = inheritedNames();
const taken = new Map(names.map((name) => [name, inherited(name)]));
const handles = openHandles();
const inheritable = [...taken.values()].filter((handle) => handle.inheritable).length;
report({ names, handles, inheritable, raws: [...taken.values()].map(({ raw }) => raw) });
if (names.length > 0) use();

function use(): void {
  const [file, answers, go, socket] = ["file", "answers", "go", "socket"].map((name) =>
    taken.get(name)
  );
  writeRaw(answers!.raw, "ready.");
  if (readRaw(go!.raw, 2) !== "go") throw new Error("the parent has gone");
  const digits = readRaw(file!.raw, 2);
  writeRaw(file!.raw, "XY");
  writeRaw(answers!.raw, `read ${digits} up to ${positionOf(file!.raw)}.`);
  sendText(socket!.raw, receiveText(socket!.raw).toUpperCase());
  for (const handle of taken.values()) handle.close();
}
