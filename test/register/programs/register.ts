/** A program as users write it, for the method that duphandle/register adds. */
import "duphandle/register";
import * as fs from "node:fs";
import { open } from "node:fs/promises";
import { report } from "../../support/report.ts";

const original = await open("README.md");
let copied;
try {
  copied = await original.duplicate();
  console.log(original.fd, copied.fd);
} finally {
  await original.close();
}
const text = await copied.readFile("utf8");
await copied.close();
const again = await open("README.md");
const readOnly = await again.duplicate(1);
await Promise.all([again.close(), readOnly.close()]);
const consumed = await open("README.md");
const moved = await consumed.duplicate({ access: "read", closeSource: true });
await moved.close();
report({
  same: text === fs.readFileSync("README.md", "utf8"),
  keys: Object.keys(again),
  consumed: consumed.fd,
});
