/** Makes one call on a file. The test injects a fault into it with strace. */
import * as posix from "duphandle/posix";
import { duplicate, duplicateOnto, OwnedHandle } from "duphandle";
import { descriptorCount } from "../../support/open_handles.ts";
import { report, thrownBy } from "../../support/report.ts";

const [call, file] = process.argv.slice(-2) as [string, string];
const raw = posix.open(file, posix.O_RDWR | posix.O_CLOEXEC);
const source = OwnedHandle.fromRaw(raw);
const before = descriptorCount();

switch (call) {
  case "dup3":
    report({ error: thrownBy(() => duplicateOnto(source, 900)) });
    break;
  case "fcntl":
    report({ error: thrownBy(() => duplicate(source)) });
    break;
  case "close": {
    const error = thrownBy(() => source.close()) ?? null;
    report({ error, closed: source.closed, second: thrownBy(() => source.close()) ?? null });
    break;
  }
  case "toFd":
  case "closeSource": {
    const error = thrownBy(() =>
      call === "toFd" ? source.toFd() : duplicate(source, { closeSource: true })
    );
    const next = posix.open("/dev/null", posix.O_RDONLY | posix.O_CLOEXEC);
    report({ error, closed: source.closed, reused: next === raw });
    break;
  }
  case "noatime": {
    const { O_NOATIME, O_RDWR, O_SYNC } = posix;
    using owned = OwnedHandle.fromRaw(posix.open(file, O_RDWR | O_SYNC | O_NOATIME));
    using numbered = owned.duplicate({ minimum: 900 });
    using copy = numbered.duplicate({ access: "write" });
    const [before, after] = [numbered.raw, copy.raw].map(posix.fcntl_getfl);
    report({ before, after });
    break;
  }
  case "narrow": {
    const error = thrownBy(() => duplicate(source, { access: "read" }));
    report({ error, leaked: descriptorCount() - before });
    break;
  }
}
