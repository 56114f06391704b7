/** Which processes use a file or a port, and which address a socket of any process has. */
import { backend } from "../backend/mod.ts";
import { scratch, SCRATCH_SIZE } from "../backend/scratch.ts";
import { win32Error } from "./errors.ts";
import { lazy, type Library } from "./libraries.ts";
import { AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM } from "./socket_constants.ts";
import { readName, type SocketName } from "./socket_name.ts";
import * as tables from "./symbols/holders.ts";
import { winsock } from "./winsock.ts";

const ntdllHolders: Library<typeof tables.ntdllHolders> = /* @__PURE__ */ lazy(
  "ntdll.dll",
  tables.ntdllHolders,
);
const iphlpapi: Library<typeof tables.iphlpapi> = /* @__PURE__ */ lazy(
  "iphlpapi.dll",
  tables.iphlpapi,
);

/** Where the `IO_STATUS_BLOCK` lies in the scratch memory: after the result. */
const IO_STATUS = SCRATCH_SIZE;

/** `FILE_INFORMATION_CLASS`: `FILE_PROCESS_IDS_USING_FILE_INFORMATION`. */
const FileProcessIdsUsingFileInformation = 47;
/** Offsets in it: a count, then the identifiers, of 8 bytes each. */
const COUNT = 0;
const PIDS = 8;

/**
 * The processes that use a file: by a handle, as a program or a library, or in a mapping; `undefined` where the
 * system does not say. This process is among them, for the handle.
 *
 * @see https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/ns-ntifs-_file_process_ids_using_file_information
 */
export function processesUsing(handle: number): Set<number> | undefined {
  const { address, data } = scratch();
  const { NtQueryInformationFile } = ntdllHolders();
  const status = NtQueryInformationFile(
    handle,
    address + IO_STATUS,
    address,
    SCRATCH_SIZE,
    FileProcessIdsUsingFileInformation,
  );
  if (status !== 0) return undefined;
  const found = new Set<number>();
  const count = Math.min(data.getUint32(COUNT, true), (SCRATCH_SIZE - PIDS) / 8);
  for (let each = 0; each < count; each++) {
    found.add(Number(data.getBigUint64(PIDS + each * 8, true)));
  }
  return found;
}

/** A socket in one of the system's tables. */
export interface TableSocket {
  readonly pid: number;
  /** `SOCK_STREAM` or `SOCK_DGRAM`. */
  readonly type: number;
  readonly isListening: boolean;
  readonly local: SocketName & { readonly port: number };
  /** The address of its peer; `undefined` when it is not connected. */
  readonly remote: SocketName | undefined;
}

/** `TCP_TABLE_OWNER_PID_ALL`, `UDP_TABLE_OWNER_PID`. */
const TCP_TABLE_OWNER_PID_ALL = 5;
const UDP_TABLE_OWNER_PID = 1;

/** `MIB_TCP_STATE_LISTEN`, and those of sockets that have a peer and a process. */
const LISTEN = 2;
const CONNECTED: readonly number[] = [4, 5, 6, 7, 8, 9, 10];

/** Where each property lies in a row: `MIB_TCPROW_OWNER_PID`, `MIB_TCP6ROW_OWNER_PID`, and of UDP. */
interface Layout {
  readonly family: number;
  readonly type: number;
  readonly size: number;
  readonly address: number;
  readonly scope?: number;
  readonly port: number;
  readonly remote?: { readonly address: number; readonly scope?: number; readonly port: number };
  readonly state?: number;
  readonly pid: number;
}

const LAYOUTS: readonly Layout[] = [
  {
    family: AF_INET,
    type: SOCK_STREAM,
    size: 24,
    state: 0,
    address: 4,
    port: 8,
    remote: { address: 12, port: 16 },
    pid: 20,
  },
  {
    family: AF_INET6,
    type: SOCK_STREAM,
    size: 56,
    address: 0,
    scope: 16,
    port: 20,
    remote: { address: 24, scope: 40, port: 44 },
    state: 48,
    pid: 52,
  },
  { family: AF_INET, type: SOCK_DGRAM, size: 12, address: 0, port: 4, pid: 8 },
  { family: AF_INET6, type: SOCK_DGRAM, size: 28, address: 0, scope: 16, port: 20, pid: 24 },
];

/** The rows begin after their number. */
const ROWS = 4;
const ERROR_INSUFFICIENT_BUFFER = 122;
const FIRST_SIZE = 1 << 16;
const LAST_SIZE = 1 << 26;

/**
 * The sockets of TCP and UDP whose own port is this one, of all processes. A socket of TCP that is bound and
 * neither listens nor is connected may be missing, as in Windows' own tools.
 *
 * @throws {HandleError} when the system refuses a table
 * @see https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable
 */
export function socketsAtPort(port: number): TableSocket[] {
  winsock(); // its start overwrites the scratch memory
  return LAYOUTS.flatMap((layout) => {
    const data = readTable(layout);
    const found: TableSocket[] = [];
    const { state: stateAt, remote } = layout;
    for (let left = data.getUint32(0, true), at = ROWS; left > 0; left--, at += layout.size) {
      if (data.getUint16(at + layout.port) !== port) continue;
      const pid = data.getUint32(at + layout.pid, true);
      const state = stateAt === undefined ? 0 : data.getUint32(at + stateAt, true);
      if (pid === 0) continue; // the end of a connection, which belongs to no process
      const isConnected = remote !== undefined && CONNECTED.includes(state);
      found.push({
        pid,
        type: layout.type,
        isListening: state === LISTEN,
        local: nameIn(data, at, layout.family, layout),
        remote: isConnected ? nameIn(data, at, layout.family, remote) : undefined,
      });
    }
    return found;
  });
}

/** A table is large on a busy server, so its buffer is not kept. */
function readTable({ family, type }: Layout): DataView {
  const { GetExtendedTcpTable, GetExtendedUdpTable } = iphlpapi();
  const isTcp = type === SOCK_STREAM;
  const call = isTcp ? GetExtendedTcpTable : GetExtendedUdpTable;
  const tableClass = isTcp ? TCP_TABLE_OWNER_PID_ALL : UDP_TABLE_OWNER_PID;
  for (let size = FIRST_SIZE;; size *= 2) {
    const buffer = new ArrayBuffer(size);
    const { address, data } = scratch();
    data.setUint32(0, size, true);
    const error = call(backend().addressOf(buffer), address, 0, family, tableClass, 0);
    if (error === 0) return new DataView(buffer);
    if (error === ERROR_INSUFFICIENT_BUFFER && size < LAST_SIZE) continue;
    const name = isTcp ? "GetExtendedTcpTable" : "GetExtendedUdpTable";
    throw win32Error(error, name, undefined, "the sockets of this machine");
  }
}

/** The address in a row, as the text that a socket's own name has. */
function nameIn(
  row: DataView,
  at: number,
  family: number,
  place: { readonly address: number; readonly scope?: number; readonly port: number },
): SocketName & { readonly port: number } {
  const { bytes, data } = scratch();
  const isV4 = family === AF_INET;
  // A sockaddr_in or sockaddr_in6.
  bytes.fill(0, 0, 28);
  data.setUint16(0, family, true);
  data.setUint16(2, row.getUint16(at + place.port));
  const [start, length] = isV4 ? [4, 4] : [8, 16];
  bytes.set(new Uint8Array(row.buffer, at + place.address, length), start);
  // Other addresses have no scope, and Wine has a number there for them as well.
  const isLinkLocal = bytes[8] === 0xfe && (bytes[9]! & 0xc0) === 0x80;
  if (place.scope !== undefined && isLinkLocal) {
    data.setUint32(24, row.getUint32(at + place.scope, true), true);
  }
  return readName() as SocketName & { readonly port: number };
}

/** afd.h: the request for the address that a socket is bound to. */
const IOCTL_AFD_GET_ADDRESS = 0x1_202f;
const SOCKADDR_SIZE = 128;

/**
 * The address that a socket is bound to, by any handle of it, also one that Winsock in this process does not know;
 * `undefined` when it has none, or when it is no socket. The handle must be one on which the call does not wait.
 */
export function boundName(handle: number): SocketName | undefined {
  winsock();
  const { address, bytes } = scratch();
  const { NtDeviceIoControlFile } = ntdllHolders();
  bytes.fill(0, 0, SOCKADDR_SIZE);
  const status = NtDeviceIoControlFile(
    handle,
    0,
    0,
    0,
    address + IO_STATUS,
    IOCTL_AFD_GET_ADDRESS,
    0,
    0,
    address,
    SOCKADDR_SIZE,
  );
  return status === 0 ? readName() : undefined;
}
