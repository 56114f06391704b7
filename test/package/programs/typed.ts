/** A user's program in TypeScript, for the oldest compiler too. It becomes an ES module and CommonJS. */
import { closeSync, openSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { duplicate, type DuplicateOptions, HandleError, OwnedHandle } from "duphandle";
import { close, dup } from "duphandle/posix";
import "duphandle/register";
import { DUPLICATE_SAME_ACCESS } from "duphandle/win32";

const options: DuplicateOptions = { access: "same", inheritable: false };
const file: number = openSync("file.txt", "r");
const copy: OwnedHandle = duplicate(file, options);
close(dup(file));
closeSync(file);
// @ts-expect-error there is no such option
const wrong: DuplicateOptions = { inherit: true };
copy.close();

async function registered(): Promise<string> {
  const original = await open("file.txt");
  const copied: FileHandle = await original.duplicate();
  await original.close();
  const text = await copied.readFile("utf8");
  await copied.close();
  return text;
}

registered().then((text) => {
  const classes = [copy instanceof OwnedHandle, new Error() instanceof HandleError];
  console.log(text, classes, DUPLICATE_SAME_ACCESS, Object.keys(wrong));
});
