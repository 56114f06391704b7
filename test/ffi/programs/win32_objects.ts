/** Uses the handles that its parent duplicated into it. Its argument is the folder for messages. */
import * as win32 from "duphandle/win32";
import { hear, tell } from "../../support/windows_objects.ts";

const folder = process.argv.at(-1) as string;
const given = await hear(folder, "handles") as Record<string, number>;
const { event, mutex, semaphore, mapping, parent, job, file } = given as {
  [Kind in "event" | "mutex" | "semaphore" | "mapping" | "parent" | "job" | "file"]: number;
};

const view = win32.MapViewOfFile(mapping, win32.FILE_MAP_WRITE, 0, 0, 64);
const read = new TextDecoder().decode(view.subarray(0, 11));
view.set(new TextEncoder().encode("from the child"));
win32.UnmapViewOfFile(view);
const buffer = new Uint8Array(3);
win32.ReadFile(file, buffer);

tell(folder, "used", {
  read,
  fromFile: new TextDecoder().decode(buffer),
  semaphoreBefore: win32.ReleaseSemaphore(semaphore, 2),
  mutex: win32.WaitForSingleObject(mutex, 0),
  parent: win32.GetProcessId(parent),
});
win32.SetEvent(event);
// The job has this process in it, which ends here with the mutex in its hands.
win32.TerminateJobObject(job, 42);
await new Promise((resolve) => setTimeout(resolve, 60_000));
