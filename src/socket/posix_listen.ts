/** Listening sockets on Linux, and those of TCP on macOS. */
import { failure } from "../../ffi/error.ts";
import { osName } from "../../ffi/host.ts";
import { openListener } from "../../ffi/posix/bind.ts";
import { IPPROTO_IPV6, IPV6_V6ONLY, SO_REUSEADDR, SOL_SOCKET } from "../../ffi/posix/constants.ts";
import { setsockopt } from "../../ffi/posix/socket_option.ts";
import { type OwnedHandle, ownedHandle } from "../handle/handle.ts";
import { owned } from "../handle/posix_owned.ts";
import { listenAtHost } from "./listen_at_host.ts";
import { inUseError, listenWithMode, lockSocketPath, removeAbandoned } from "./posix_path.ts";
import type { ListenPlatform, PathChoices, PortChoices } from "./types.ts";

/** Listening on Linux and macOS. */
export const posixListeners: ListenPlatform = {
  listenAtPort: (choices) =>
    listenAtHost(choices, (host, isIPv6) => listenAtOne(choices, host, isIPv6)),
  listenAtPath(choices) {
    if (osName() !== "linux") {
      throw failure("ENOTSUP", "bind", {
        message:
          `Cannot listen at ${JSON.stringify(choices.path)}: of the POSIX systems only Linux ` +
          "can; use a port, or listen() of node:net, which removes the path when it closes",
      });
    }
    const { path, backlog } = choices;
    if (path.startsWith("\0")) return own(openListener({ family: "unix", path }, backlog));
    return own(listenInFileSystem(choices));
  },
};

/** Standard input, output and error may be closed, and their numbers free. */
function own(fd: number): OwnedHandle {
  return ownedHandle(owned(fd));
}

function listenAtOne(choices: PortChoices, address: string, isIPv6: boolean): OwnedHandle {
  const { port, ipv6Only, reuseAddress, backlog } = choices;
  const name = { family: isIPv6 ? "IPv6" : "IPv4", address, port } as const;
  const fd = openListener(name, backlog, {
    beforeBind(fd) {
      if (reuseAddress) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
      if (isIPv6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, ipv6Only ? 1 : 0);
    },
  });
  return own(fd);
}

function listenInFileSystem({ path, mode, backlog }: PathChoices): number {
  const lock = lockSocketPath(path);
  if (lock === undefined) {
    throw inUseError(path, "another process is about to listen there: end it, or use another path");
  }
  try {
    removeAbandoned(path);
    return listenWithMode(path, backlog, mode);
  } finally {
    lock.release();
  }
}
