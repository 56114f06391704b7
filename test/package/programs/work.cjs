/**
 * What a user does first, with every entry point. The programs beside it differ only in how they get
 * at the package.
 */
"use strict";
const { closeSync, openSync, readSync } = process.getBuiltinModule("node:fs");
const { open } = process.getBuiltinModule("node:fs/promises");

/** Reads a file of "firstsecond" through two handles, and says what happened. */
module.exports = async function work({ duphandle, posix, win32 }, file) {
  const source = openSync(file, "r");
  const first = read(source, 5);
  const copy = duphandle.duplicate(source);
  const position = posix.lseek(copy.raw, 0, posix.SEEK_CUR);
  const second = readRaw(posix, copy.raw, 3);
  const moved = posix.lseek(source, 0, posix.SEEK_CUR);
  closeSync(source);
  const rest = readRaw(posix, copy.raw, 100);
  copy.close();
  return {
    read: [first, second, rest],
    positions: [position, moved],
    owned: copy instanceof duphandle.OwnedHandle,
    closed: errorOf(() => posix.dup(copy.raw), duphandle.HandleError),
    sameAccess: [duphandle.DUPLICATE_SAME_ACCESS, win32.DUPLICATE_SAME_ACCESS],
    registered: await registered(file),
  };
};

/** What duphandle/register adds. */
async function registered(file) {
  const original = await open(file);
  const copied = await original.duplicate();
  await original.close();
  const text = await copied.readFile("utf8");
  await copied.close();
  return text;
}

function errorOf(call, HandleError) {
  try {
    call();
  } catch (error) {
    return error instanceof HandleError ? error.code : String(error);
  }
}

function read(fd, bytes) {
  const buffer = new Uint8Array(bytes);
  return textOf(buffer, readSync(fd, buffer, 0, bytes, null));
}

function readRaw(posix, raw, bytes) {
  const buffer = new Uint8Array(bytes);
  return textOf(buffer, posix.read(raw, buffer));
}

function textOf(buffer, bytes) {
  return new TextDecoder().decode(buffer.subarray(0, bytes));
}
