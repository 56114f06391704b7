/** Wrong uses of the system calls must not compile, and right ones give the right types. Never run. */
import type { OwnedHandle } from "duphandle";
import * as posix from "duphandle/posix";
import * as win32 from "duphandle/win32";
import { exactly } from "./exactly.ts";

declare const owned: OwnedHandle;

export function posixCalls(): void {
  exactly<number>()(posix.dup(1));
  exactly<number>()(posix.dup2(1, 2));
  exactly<number>()(posix.dup3(1, 2, posix.O_CLOEXEC));
  exactly<number>()(posix.fcntl_dupfd_cloexec(1));
  exactly<number>()(posix.fcntl_dupfd(1, 10));
  exactly<void>()(posix.close(3));
  exactly<number>()(posix.fcntl_getfd(1));
  exactly<void>()(posix.fcntl_setfd(1, posix.FD_CLOEXEC));
  exactly<number>()(posix.open("/dev/null", posix.O_RDONLY));
  exactly<number>()(posix.lseek(3, 0, posix.SEEK_SET));
  exactly<number>()(posix.read(3, new Uint8Array(3)));
  exactly<number>()(posix.write(3, new Uint8Array(3), 2));
  exactly<[reader: number, writer: number]>()(posix.pipe2(posix.O_CLOEXEC));
  exactly<number>()(posix.pidfd_open(1, 0));
  exactly<number>()(posix.pidfd_getfd(3, 1, 0));
  exactly<number>()(posix.kcmp(1, 1, posix.KCMP_FILE, 0, 1));
  // @ts-expect-error dup has one argument: dup2 and dup3 have a target
  posix.dup(1, 2);
  // @ts-expect-error the flags are missing
  posix.dup3(1, 2);
  // @ts-expect-error flags are a number
  posix.dup3(1, 2, "O_CLOEXEC");
  // @ts-expect-error flags are no options
  posix.dup3(1, 2, { cloexec: true });
  // @ts-expect-error system calls take numbers
  posix.dup(owned);
  // @ts-expect-error system calls take numbers
  posix.close(owned);
  // @ts-expect-error system calls take numbers
  posix.dup({ fd: 1 });
  // @ts-expect-error it throws, and returns nothing
  const _status: number = posix.close(3);
  // @ts-expect-error flags are numbers: O_RDONLY and its like
  posix.open("/dev/null", "r");
  // @ts-expect-error bytes
  posix.write(1, "text");
  // @ts-expect-error bytes
  posix.read(1, new Array(3));
  // @ts-expect-error a number below 2^53
  posix.lseek(3, 0n, posix.SEEK_SET);
  // @ts-expect-error two numbers
  const _pair: number = posix.pipe2(0);
  // @ts-expect-error there is no such call
  posix.fcntl(1, 2, 3);
}

export function win32Calls(): void {
  const { DuplicateHandle, DUPLICATE_SAME_ACCESS } = win32;
  const me = win32.GetCurrentProcess();
  const out: [number] = [0];
  exactly<number>()(me);
  exactly<number>()(DuplicateHandle(me, 4, me, out, 0, false, DUPLICATE_SAME_ACCESS));
  exactly<number>()(DuplicateHandle(me, 4, me, new Int32Array(1), 0, true, 0));
  exactly<number>()(DuplicateHandle(me, 4, 0, null, 0, false, win32.DUPLICATE_CLOSE_SOURCE));
  exactly<Parameters<typeof DuplicateHandle>["length"]>()(7 as const);
  exactly<void>()(win32.CloseHandle(4));
  exactly<number>()(win32.GetHandleInformation(4));
  exactly<void>()(win32.SetHandleInformation(4, win32.HANDLE_FLAG_INHERIT, 0));
  exactly<number>()(win32.OpenProcess(win32.PROCESS_DUP_HANDLE, false, 1));
  exactly<boolean>()(win32.CompareObjectHandles(4, 8));
  exactly<Uint8Array>()(win32.MapViewOfFile(4, win32.FILE_MAP_READ, 0, 0, 0));
  // @ts-expect-error seven arguments
  DuplicateHandle(me, 4, me, out, 0, false);
  // @ts-expect-error seven arguments
  DuplicateHandle(me, 4, me, out, 0, false, 0, 0);
  // @ts-expect-error no place for the result is null, said aloud
  DuplicateHandle(me, 4, me, undefined, 0, false, 0);
  // @ts-expect-error a place for the result, or null
  DuplicateHandle(me, 4, me, 8, 0, false, 0);
  // @ts-expect-error a list without a place
  DuplicateHandle(me, 4, me, [], 0, false, 0);
  // @ts-expect-error a HANDLE is sign-extended: Int32Array
  DuplicateHandle(me, 4, me, new Float64Array(1), 0, false, 0);
  // @ts-expect-error a BOOL is a boolean here
  DuplicateHandle(me, 4, me, out, 0, 1, 0);
  // @ts-expect-error no target is 0, as in C
  DuplicateHandle(me, 4, null, out, 0, false, 0);
  // @ts-expect-error system calls take numbers
  DuplicateHandle(me, owned, me, out, 0, false, 0);
  // @ts-expect-error the order is that of C: the place for the result is the fourth
  DuplicateHandle(me, 4, me, 0, false, 0, out);
  // @ts-expect-error a mask is a number
  DuplicateHandle(me, 4, me, out, "read", false, 0);
  // @ts-expect-error a HANDLE is a number here
  win32.CloseHandle(4n);
  // @ts-expect-error system calls take numbers
  win32.CloseHandle(owned);
  // @ts-expect-error it throws, and returns nothing
  const _succeeded: boolean = win32.CloseHandle(4);
  // @ts-expect-error all three arguments
  win32.OpenProcess(win32.PROCESS_DUP_HANDLE, 1);
}
