/** What users do with emitters and with `open` while duphandle/register waits for a FileHandle. */
import "duphandle/register";
import { EventEmitter } from "node:events";
import * as fs from "node:fs";
import { report, thrownBy } from "../../support/report.ts";

class Player extends EventEmitter {
  declare duplicate: unknown;
}
class Recorder extends EventEmitter {
  declare duplicate: unknown;
}
const emitter = new Player();
const frozen: Player = Object.freeze(new Player());
const refused = thrownBy(() => frozen.duplicate = 1)?.["name"];
const before = emitter.duplicate;
emitter.duplicate = 1;
const own = Object.getOwnPropertyDescriptor(emitter, "duplicate");
Recorder.prototype.duplicate = 2;
const inherited = new Recorder().duplicate;
const ofAll = EventEmitter.prototype as { duplicate?: unknown };
ofAll.duplicate = 3;

let opened = 0;
const { promises } = fs;
const open = promises.open;
const wrapper = (...args: Parameters<typeof open>) => {
  opened++;
  return open(...args);
};
promises.open = wrapper as typeof open;
const file = await promises.open("README.md");
const method = typeof (file as { duplicate?: unknown }).duplicate;
await file.close();

report({
  before,
  own,
  inherited,
  refused,
  method,
  opened,
  after: [emitter.duplicate, new Recorder().duplicate, new Player().duplicate, ofAll.duplicate],
  isWrapped: promises.open === wrapper,
});
