/**
 * Windows: the functions for handles, files and the C runtime. All have one calling convention, so the
 * tables are the same for every processor.
 */
import type { SymbolTable } from "../../backend/types.ts";

/** The functions for every duplicate, from kernel32.dll. */
export const kernel32 = {
  // DWORD GetLastError(void);
  GetLastError: { parameters: [], result: "u32" },
  // BOOL DuplicateHandle(HANDLE hSourceProcessHandle, HANDLE hSourceHandle,
  //   HANDLE hTargetProcessHandle, LPHANDLE lpTargetHandle, DWORD dwDesiredAccess,
  //   BOOL bInheritHandle, DWORD dwOptions);
  DuplicateHandle: {
    parameters: ["handle", "handle", "handle", "address", "u32", "i32", "u32"],
    result: "i32",
  },
  // BOOL CloseHandle(HANDLE hObject);
  CloseHandle: { parameters: ["handle"], result: "i32" },
  // HANDLE GetCurrentProcess(void);
  GetCurrentProcess: { parameters: [], result: "handle" },
  // HANDLE GetCurrentThread(void);
  GetCurrentThread: { parameters: [], result: "handle" },
  // HANDLE GetStdHandle(DWORD nStdHandle);
  GetStdHandle: { parameters: ["u32"], result: "handle" },
  // DWORD GetFileType(HANDLE hFile);
  GetFileType: { parameters: ["handle"], result: "u32" },
  // BOOL GetHandleInformation(HANDLE hObject, LPDWORD lpdwFlags);
  GetHandleInformation: { parameters: ["handle", "address"], result: "i32" },
  // BOOL SetHandleInformation(HANDLE hObject, DWORD dwMask, DWORD dwFlags);
  SetHandleInformation: { parameters: ["handle", "u32", "u32"], result: "i32" },
  // BOOL GetProcessHandleCount(HANDLE hProcess, PDWORD pdwHandleCount);
  GetProcessHandleCount: { parameters: ["handle", "address"], result: "i32" },
} as const satisfies SymbolTable;

/** The functions for files, from kernel32.dll. */
export const kernel32Files = {
  // HANDLE CreateFileW(LPCWSTR lpFileName, DWORD dwDesiredAccess, DWORD dwShareMode,
  //   LPSECURITY_ATTRIBUTES lpSecurityAttributes, DWORD dwCreationDisposition,
  //   DWORD dwFlagsAndAttributes, HANDLE hTemplateFile);
  CreateFileW: {
    parameters: ["address", "u32", "u32", "address", "u32", "u32", "handle"],
    result: "handle",
  },
  // BOOL ReadFile(HANDLE hFile, LPVOID lpBuffer, DWORD nNumberOfBytesToRead,
  //   LPDWORD lpNumberOfBytesRead, LPOVERLAPPED lpOverlapped);
  ReadFile: { parameters: ["handle", "address", "u32", "address", "address"], result: "i32" },
  // BOOL WriteFile(HANDLE hFile, LPCVOID lpBuffer, DWORD nNumberOfBytesToWrite,
  //   LPDWORD lpNumberOfBytesWritten, LPOVERLAPPED lpOverlapped);
  WriteFile: { parameters: ["handle", "address", "u32", "address", "address"], result: "i32" },
  // BOOL SetFilePointerEx(HANDLE hFile, LARGE_INTEGER liDistanceToMove,
  //   PLARGE_INTEGER lpNewFilePointer, DWORD dwMoveMethod);
  SetFilePointerEx: { parameters: ["handle", "i64", "address", "u32"], result: "i32" },
  // BOOL CreatePipe(PHANDLE hReadPipe, PHANDLE hWritePipe,
  //   LPSECURITY_ATTRIBUTES lpPipeAttributes, DWORD nSize);
  CreatePipe: { parameters: ["address", "address", "address", "u32"], result: "i32" },
} as const satisfies SymbolTable;

/** The function that queries a handle, from ntdll.dll. */
export const ntdll = {
  // NTSTATUS NtQueryObject(HANDLE Handle, OBJECT_INFORMATION_CLASS ObjectInformationClass,
  //   PVOID ObjectInformation, ULONG ObjectInformationLength, PULONG ReturnLength);
  NtQueryObject: { parameters: ["handle", "i32", "address", "u32", "address"], result: "i32" },
  // ULONG RtlNtStatusToDosError(NTSTATUS Status);
  RtlNtStatusToDosError: { parameters: ["i32"], result: "u32" },
} as const satisfies SymbolTable;

/**
 * The functions for files on another thread, from ntdll.dll. They return their error and write their
 * count to memory of the caller, so nothing depends on the thread.
 */
export const ntdllFiles = {
  // NTSTATUS NtReadFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
  //   PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer, ULONG Length,
  //   PLARGE_INTEGER ByteOffset, PULONG Key);
  NtReadFile: {
    // deno-fmt-ignore
    parameters: [
      "handle", "handle", "address", "address", "address", "address", "u32", "address", "address",
    ],
    result: "i32",
  },
  // NTSTATUS NtWriteFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
  //   PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer, ULONG Length,
  //   PLARGE_INTEGER ByteOffset, PULONG Key);
  NtWriteFile: {
    // deno-fmt-ignore
    parameters: [
      "handle", "handle", "address", "address", "address", "address", "u32", "address", "address",
    ],
    result: "i32",
  },
  // NTSTATUS NtFlushBuffersFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock);
  NtFlushBuffersFile: { parameters: ["handle", "address"], result: "i32" },
  // NTSTATUS NtQueryInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock,
  //   PVOID FileInformation, ULONG Length, FILE_INFORMATION_CLASS FileInformationClass);
  NtQueryInformationFile: {
    parameters: ["handle", "address", "address", "u32", "i32"],
    result: "i32",
  },
  // NTSTATUS NtSetInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock,
  //   PVOID FileInformation, ULONG Length, FILE_INFORMATION_CLASS FileInformationClass);
  NtSetInformationFile: {
    parameters: ["handle", "address", "address", "u32", "i32"],
    result: "i32",
  },
  // NTSTATUS NtQueryVolumeInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock,
  //   PVOID FsInformation, ULONG Length, FS_INFORMATION_CLASS FsInformationClass);
  NtQueryVolumeInformationFile: {
    parameters: ["handle", "address", "address", "u32", "i32"],
    result: "i32",
  },
  // NTSTATUS NtWaitForSingleObject(HANDLE Handle, BOOLEAN Alertable, PLARGE_INTEGER Timeout);
  NtWaitForSingleObject: { parameters: ["handle", "i32", "address"], result: "i32" },
  // NTSTATUS NtClose(HANDLE Handle);
  NtClose: { parameters: ["handle"], result: "i32" },
} as const satisfies SymbolTable;

/**
 * The functions for C-runtime descriptors, from the executable of the runtime. Every runtime links its
 * own C runtime, so no system library knows its descriptors. Deno does not export the functions.
 */
export const uv = {
  // uv_os_fd_t uv_get_osfhandle(int fd);
  uv_get_osfhandle: { parameters: ["i32"], result: "handle" },
  // int uv_open_osfhandle(uv_os_fd_t os_fd);
  uv_open_osfhandle: { parameters: ["handle"], result: "i32" },
} as const satisfies SymbolTable;

/** Processes and threads, from kernel32.dll. */
export const kernel32Processes = {
  // HANDLE OpenProcess(DWORD dwDesiredAccess, BOOL bInheritHandle, DWORD dwProcessId);
  OpenProcess: { parameters: ["u32", "i32", "u32"], result: "handle" },
  // BOOL TerminateProcess(HANDLE hProcess, UINT uExitCode);
  TerminateProcess: { parameters: ["handle", "u32"], result: "i32" },
  // BOOL GetExitCodeProcess(HANDLE hProcess, LPDWORD lpExitCode);
  GetExitCodeProcess: { parameters: ["handle", "address"], result: "i32" },
  // DWORD GetProcessId(HANDLE Process);
  GetProcessId: { parameters: ["handle"], result: "u32" },
  // DWORD GetCurrentProcessId(void);
  GetCurrentProcessId: { parameters: [], result: "u32" },
  // HANDLE OpenThread(DWORD dwDesiredAccess, BOOL bInheritHandle, DWORD dwThreadId);
  OpenThread: { parameters: ["u32", "i32", "u32"], result: "handle" },
  // DWORD GetThreadId(HANDLE Thread);
  GetThreadId: { parameters: ["handle"], result: "u32" },
  // DWORD GetCurrentThreadId(void);
  GetCurrentThreadId: { parameters: [], result: "u32" },
} as const satisfies SymbolTable;

/** The standard handles, functions by their names, and yielding, from kernel32.dll. */
export const kernel32Runtime = {
  // BOOL SwitchToThread(void);
  SwitchToThread: { parameters: [], result: "i32" },
  // BOOL SetStdHandle(DWORD nStdHandle, HANDLE hHandle);
  SetStdHandle: { parameters: ["u32", "handle"], result: "i32" },
  // HMODULE GetModuleHandleW(LPCWSTR lpModuleName);
  GetModuleHandleW: { parameters: ["address"], result: "address" },
  // FARPROC GetProcAddress(HMODULE hModule, LPCSTR lpProcName);
  GetProcAddress: { parameters: ["address", "address"], result: "address" },
} as const satisfies SymbolTable;

/** Waiting, from kernel32.dll. */
export const kernel32Wait = {
  // DWORD WaitForSingleObject(HANDLE hHandle, DWORD dwMilliseconds);
  WaitForSingleObject: { parameters: ["handle", "u32"], result: "u32" },
} as const satisfies SymbolTable;

/** Named pipes, from kernel32.dll. */
export const kernel32Pipes = {
  // BOOL WaitNamedPipeW(LPCWSTR lpNamedPipeName, DWORD nTimeOut);
  WaitNamedPipeW: { parameters: ["address", "u32"], result: "i32" },
  // BOOL GetNamedPipeServerProcessId(HANDLE Pipe, PULONG ServerProcessId);
  GetNamedPipeServerProcessId: { parameters: ["handle", "address"], result: "i32" },
} as const satisfies SymbolTable;

/** Comparing objects, from kernelbase.dll: kernel32.dll does not export it. */
export const kernelbaseObjects = {
  // BOOL CompareObjectHandles(HANDLE hFirstObjectHandle, HANDLE hSecondObjectHandle);
  CompareObjectHandles: { parameters: ["handle", "handle"], result: "i32" },
} as const satisfies SymbolTable;

/** Files on disks, from kernel32.dll. */
export const kernel32Inspect = {
  // DWORD GetFinalPathNameByHandleW(HANDLE hFile, LPWSTR lpszFilePath, DWORD cchFilePath,
  //   DWORD dwFlags);
  GetFinalPathNameByHandleW: { parameters: ["handle", "address", "u32", "u32"], result: "u32" },
  // BOOL GetFileInformationByHandle(HANDLE hFile,
  //   LPBY_HANDLE_FILE_INFORMATION lpFileInformation);
  GetFileInformationByHandle: { parameters: ["handle", "address"], result: "i32" },
  // BOOL GetFileInformationByHandleEx(HANDLE hFile, FILE_INFO_BY_HANDLE_CLASS
  //   FileInformationClass, LPVOID lpFileInformation, DWORD dwBufferSize);
  GetFileInformationByHandleEx: {
    parameters: ["handle", "i32", "address", "u32"],
    result: "i32",
  },
} as const satisfies SymbolTable;

/** What is done with a file that is open, from kernel32.dll. */
export const kernel32OpenFiles = {
  // HANDLE ReOpenFile(HANDLE hOriginalFile, DWORD dwDesiredAccess, DWORD dwShareMode,
  //   DWORD dwFlagsAndAttributes);
  ReOpenFile: { parameters: ["handle", "u32", "u32", "u32"], result: "handle" },
  // BOOL LockFileEx(HANDLE hFile, DWORD dwFlags, DWORD dwReserved, DWORD nNumberOfBytesToLockLow,
  //   DWORD nNumberOfBytesToLockHigh, LPOVERLAPPED lpOverlapped);
  LockFileEx: { parameters: ["handle", "u32", "u32", "u32", "u32", "address"], result: "i32" },
  // BOOL UnlockFileEx(HANDLE hFile, DWORD dwReserved, DWORD nNumberOfBytesToUnlockLow,
  //   DWORD nNumberOfBytesToUnlockHigh, LPOVERLAPPED lpOverlapped);
  UnlockFileEx: { parameters: ["handle", "u32", "u32", "u32", "address"], result: "i32" },
  // BOOL GetOverlappedResult(HANDLE hFile, LPOVERLAPPED lpOverlapped,
  //   LPDWORD lpNumberOfBytesTransferred, BOOL bWait);
  GetOverlappedResult: { parameters: ["handle", "address", "address", "i32"], result: "i32" },
} as const satisfies SymbolTable;

/** The folder of the system, from kernel32.dll. */
export const kernel32System = {
  // UINT GetSystemDirectoryW(LPWSTR lpBuffer, UINT uSize);
  GetSystemDirectoryW: { parameters: ["address", "u32"], result: "u32" },
} as const satisfies SymbolTable;

/** The list of all handles, from ntdll.dll. */
export const ntdllHandles = {
  // NTSTATUS NtQuerySystemInformation(SYSTEM_INFORMATION_CLASS SystemInformationClass,
  //   PVOID SystemInformation, ULONG SystemInformationLength, PULONG ReturnLength);
  NtQuerySystemInformation: {
    parameters: ["i32", "address", "u32", "address"],
    result: "i32",
  },
} as const satisfies SymbolTable;

/** Winsock, from ws2_32.dll. A `SOCKET` is a `HANDLE` with additional state in the library. */
export const ws2_32 = {
  // int WSAStartup(WORD wVersionRequired, LPWSADATA lpWSAData);
  WSAStartup: { parameters: ["u32", "address"], result: "i32" },
  // int WSAGetLastError(void);
  WSAGetLastError: { parameters: [], result: "i32" },
  // SOCKET WSASocketW(int af, int type, int protocol, LPWSAPROTOCOL_INFOW lpProtocolInfo, GROUP g,
  //   DWORD dwFlags);
  WSASocketW: { parameters: ["i32", "i32", "i32", "address", "u32", "u32"], result: "handle" },
  // int WSADuplicateSocketW(SOCKET s, DWORD dwProcessId, LPWSAPROTOCOL_INFOW lpProtocolInfo);
  WSADuplicateSocketW: { parameters: ["handle", "u32", "address"], result: "i32" },
  // int closesocket(SOCKET s);
  closesocket: { parameters: ["handle"], result: "i32" },
  // int bind(SOCKET s, const struct sockaddr *name, int namelen);
  bind: { parameters: ["handle", "address", "i32"], result: "i32" },
  // int listen(SOCKET s, int backlog);
  listen: { parameters: ["handle", "i32"], result: "i32" },
  // SOCKET accept(SOCKET s, struct sockaddr *addr, int *addrlen);
  accept: { parameters: ["handle", "address", "address"], result: "handle" },
  // int connect(SOCKET s, const struct sockaddr *name, int namelen);
  connect: { parameters: ["handle", "address", "i32"], result: "i32" },
  // int getsockname(SOCKET s, struct sockaddr *name, int *namelen);
  getsockname: { parameters: ["handle", "address", "address"], result: "i32" },
  // int getpeername(SOCKET s, struct sockaddr *name, int *namelen);
  getpeername: { parameters: ["handle", "address", "address"], result: "i32" },
  // PCWSTR InetNtopW(INT Family, const VOID *pAddr, PWSTR pStringBuf, size_t StringBufSize);
  InetNtopW: { parameters: ["i32", "address", "address", "address"], result: "address" },
  // int getsockopt(SOCKET s, int level, int optname, char *optval, int *optlen);
  getsockopt: { parameters: ["handle", "i32", "i32", "address", "address"], result: "i32" },
  // int setsockopt(SOCKET s, int level, int optname, const char *optval, int optlen);
  setsockopt: { parameters: ["handle", "i32", "i32", "address", "i32"], result: "i32" },
  // int send(SOCKET s, const char *buf, int len, int flags);
  send: { parameters: ["handle", "address", "i32", "i32"], result: "i32" },
  // int recv(SOCKET s, char *buf, int len, int flags);
  recv: { parameters: ["handle", "address", "i32", "i32"], result: "i32" },
} as const satisfies SymbolTable;
