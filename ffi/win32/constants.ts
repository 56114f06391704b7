/** The constants of winnt.h, winbase.h and handleapi.h. */

/** `DuplicateHandle`: close the source handle, also when the call fails. */
export const DUPLICATE_CLOSE_SOURCE = 1;
/** `DuplicateHandle`: the new handle has the rights of the source; the desired access is ignored. */
export const DUPLICATE_SAME_ACCESS = 2;
/**
 * `DuplicateHandle`: the new handle has the flags of the source, `HANDLE_FLAG_INHERIT` and
 * `HANDLE_FLAG_PROTECT_FROM_CLOSE`; whether children are to inherit it is ignored.
 */
export const DUPLICATE_SAME_ATTRIBUTES = 4;

/** Handle flag: child processes inherit the handle, if they are started with inheritance. */
export const HANDLE_FLAG_INHERIT = 1;
/** Handle flag: no call closes the handle, neither `CloseHandle` nor `DUPLICATE_CLOSE_SOURCE`. */
export const HANDLE_FLAG_PROTECT_FROM_CLOSE = 2;

/** `GetStdHandle`: standard input, −10 as a `DWORD`. */
export const STD_INPUT_HANDLE = 0xffff_fff6;
/** `GetStdHandle`: standard output, −11 as a `DWORD`. */
export const STD_OUTPUT_HANDLE = 0xffff_fff5;
/** `GetStdHandle`: standard error, −12 as a `DWORD`. */
export const STD_ERROR_HANDLE = 0xffff_fff4;

/** `OpenProcess`: handles may be duplicated out of it and into it. */
export const PROCESS_DUP_HANDLE = 0x40;
/** `OpenProcess`: its identifier, exit code and times may be queried. */
export const PROCESS_QUERY_LIMITED_INFORMATION = 0x1000;
/** `OpenProcess`: all information about it may be queried. */
export const PROCESS_QUERY_INFORMATION = 0x400;
/** `OpenProcess`: it may be terminated. */
export const PROCESS_TERMINATE = 1;
/** `OpenProcess`: it may be assigned to a job, together with {@linkcode PROCESS_TERMINATE}. */
export const PROCESS_SET_QUOTA = 0x100;
/** `OpenProcess`: all rights. */
export const PROCESS_ALL_ACCESS = 0x001f_ffff;
/** `OpenThread`: its identifier may be queried. */
export const THREAD_QUERY_LIMITED_INFORMATION = 0x800;
/** Any object: it may be waited for. */
export const SYNCHRONIZE = 0x0010_0000;
/** `GetExitCodeProcess`: the process still runs, or has ended with this code. */
export const STILL_ACTIVE = 259;

/** `WaitForSingleObject`: the object is signalled. */
export const WAIT_OBJECT_0 = 0;
/** `WaitForSingleObject`: the owner of the mutex ended without releasing it. */
export const WAIT_ABANDONED = 0x80;
/** `WaitForSingleObject`: the time has elapsed. */
export const WAIT_TIMEOUT = 0x102;
/** `WaitForSingleObject`: what the C function returns when it fails; here it throws. */
export const WAIT_FAILED = 0xffff_ffff;
/** `WaitForSingleObject`: wait without a limit. */
export const INFINITE = 0xffff_ffff;

/** All read rights of the kind of object. */
export const GENERIC_READ = 0x8000_0000;
/** All write rights of the kind of object. */
export const GENERIC_WRITE = 0x4000_0000;
/** File right: read data. */
export const FILE_READ_DATA = 1;
/** File right: write data. */
export const FILE_WRITE_DATA = 2;
/** File right: append data. */
export const FILE_APPEND_DATA = 4;
/** All read rights of a file. */
export const FILE_GENERIC_READ = 0x0012_0089;
/** All write rights of a file. */
export const FILE_GENERIC_WRITE = 0x0012_0116;

/** `CreateFileW`: others may open the file for reading. */
export const FILE_SHARE_READ = 1;
/** `CreateFileW`: others may open the file for writing. */
export const FILE_SHARE_WRITE = 2;
/** `CreateFileW`: others may delete or rename the file. */
export const FILE_SHARE_DELETE = 4;
/** `CreateFileW`: create a new file; an existing one is overwritten. */
export const CREATE_ALWAYS = 2;
/** `CreateFileW`: open a file that exists. */
export const OPEN_EXISTING = 3;
/** `CreateFileW`: no special attributes. */
export const FILE_ATTRIBUTE_NORMAL = 0x80;

/** `SetFilePointerEx`: from the start of the file. */
export const FILE_BEGIN = 0;
/** `SetFilePointerEx`: from the current position. */
export const FILE_CURRENT = 1;
/** `SetFilePointerEx`: from the end of the file. */
export const FILE_END = 2;

/** `GetFileType`: not a file, or a file of unknown type. */
export const FILE_TYPE_UNKNOWN = 0;
/** `GetFileType`: a file on a disk. */
export const FILE_TYPE_DISK = 1;
/** `GetFileType`: a character device, such as a console. */
export const FILE_TYPE_CHAR = 2;
/** `GetFileType`: a pipe or a socket. */
export const FILE_TYPE_PIPE = 3;

/** The result of some calls on failure. It is also the pseudo-handle of this process. */
export const INVALID_HANDLE_VALUE: number = -1;
