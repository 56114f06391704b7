import * as path from "node:path";
import { inetdSocket } from "duphandle";
import { describe, expect, test } from "vitest";
import { ask, talk } from "../support/listeners.ts";
import { unsupported } from "../support/matchers.ts";
import { runProgram } from "../support/program.ts";
import {
  activateAtPort,
  Activated,
  canActivate,
  serviceCommand,
} from "../support/service_manager.ts";
import { isWindows, temporaryFolder } from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";

describe.runIf(canActivate)("inetdSocket under systemd-socket-activate (needs systemd)", () => {
  test("is the connection that is standard input, and is told its end", async () => {
    using folder = temporaryFolder();
    const at = path.join(folder.path, "socket");
    const options = ["--inetd", "--accept", `--listen=${at}`];
    const command = [...serviceCommand("connection.ts"), "inetd"];
    await using activated = new Activated({ options, command });
    await activated.listening(1);
    const answers = await Promise.all(["one", "two"].map((text) => talk({ path: at }, text)));
    expect(answers).toEqual(["none: one", "none: two"]);
    expect(activated.reported()).toEqual({ name: "none" });
  });

  test("is the listening socket that is standard input", async () => {
    const host = "127.0.0.1";
    const command = serviceCommand("inetd.ts");
    const { activated, port } = await activateAtPort(
      (free) => ({ options: ["--inetd", `--listen=${host}:${free}`], command }),
      1,
    );
    await using _ = activated;
    expect(await ask({ host, port })).toBe("from inetd");
    expect(await ask({ host, port })).toBe("from inetd");
  });
});

describe.runIf(!isWindows)("inetdSocket", () => {
  test("refuses a standard input that is no socket", () => {
    const { result, output } = runProgram("systemd/no_inetd.ts"); // started with /dev/null
    expect(result, output).toMatchObject({ code: "ENOTSOCK", handle: 0 });
  });
});

test.runIf(isWindows)("inetdSocket is ENOTSUP on Windows", () => {
  expect(thrownBy(() => inetdSocket())).toEqual(unsupported);
});
