/** The rights, flags and classes of the kinds of objects: winnt.h, winbase.h, winreg.h, winuser.h. */

/** Event right: set and reset it. */
export const EVENT_MODIFY_STATE = 2;
/** Event: every right. */
export const EVENT_ALL_ACCESS = 0x001f_0003;
/** Mutex: every right. */
export const MUTEX_ALL_ACCESS = 0x001f_0001;
/** Semaphore right: release it. */
export const SEMAPHORE_MODIFY_STATE = 2;
/** Semaphore: every right. */
export const SEMAPHORE_ALL_ACCESS = 0x001f_0003;
/** Timer right: set and cancel it. */
export const TIMER_MODIFY_STATE = 2;
/** Timer: every right. */
export const TIMER_ALL_ACCESS = 0x001f_0003;

/** `CreateFileMappingW`: to read. */
export const PAGE_READONLY = 2;
/** `CreateFileMappingW`: to read and write. */
export const PAGE_READWRITE = 4;
/** `CreateFileMappingW`: to read, and to write into copies. */
export const PAGE_WRITECOPY = 8;
/** `MapViewOfFile`: what is written goes into a copy of this process. */
export const FILE_MAP_COPY = 1;
/** `MapViewOfFile`: to read and write. */
export const FILE_MAP_WRITE = 2;
/** `MapViewOfFile`: to read. */
export const FILE_MAP_READ = 4;

/** Job right: put processes into it. */
export const JOB_OBJECT_ASSIGN_PROCESS = 1;
/** Job right: ask about it. */
export const JOB_OBJECT_QUERY = 4;
/** Job right: end its processes. */
export const JOB_OBJECT_TERMINATE = 8;
/** Job: every right. */
export const JOB_OBJECT_ALL_ACCESS = 0x001f_003f;

/** `GetMailslotInfo`: no message waits. */
export const MAILSLOT_NO_MESSAGE = 0xffff_ffff;

/** `FindFirstChangeNotificationW`: a file was made, renamed or removed. */
export const FILE_NOTIFY_CHANGE_FILE_NAME = 1;
/** `FindFirstChangeNotificationW`: a folder was. */
export const FILE_NOTIFY_CHANGE_DIR_NAME = 2;
/** `FindFirstChangeNotificationW`: the size of a file changed. */
export const FILE_NOTIFY_CHANGE_SIZE = 8;
/** `FindFirstChangeNotificationW`: a file was written. */
export const FILE_NOTIFY_CHANGE_LAST_WRITE = 0x10;

/** Console input: the system handles Ctrl+C and its like. */
export const ENABLE_PROCESSED_INPUT = 1;
/** Console input: reads give whole lines. */
export const ENABLE_LINE_INPUT = 2;
/** Console input: what is typed is shown. */
export const ENABLE_ECHO_INPUT = 4;
/** Console output: control characters have their meaning. */
export const ENABLE_PROCESSED_OUTPUT = 1;
/** Console output: long lines wrap. */
export const ENABLE_WRAP_AT_EOL_OUTPUT = 2;

/** `RegCreateKeyExW`: the key is kept. */
export const REG_OPTION_NON_VOLATILE = 0;
/** `RegCreateKeyExW`: the key ends with the session. */
export const REG_OPTION_VOLATILE = 1;
/** `RegCreateKeyExW`: there was none. */
export const REG_CREATED_NEW_KEY = 1;
/** `RegCreateKeyExW`: there was one. */
export const REG_OPENED_EXISTING_KEY = 2;
/** Key right: read values. */
export const KEY_QUERY_VALUE = 1;
/** Key right: write values. */
export const KEY_SET_VALUE = 2;
/** Key: every right to read. */
export const KEY_READ = 0x0002_0019;
/** Key: every right to write. */
export const KEY_WRITE = 0x0002_0006;
/** Key: every right. */
export const KEY_ALL_ACCESS = 0x000f_003f;
/** Type of a value: text that ends with a NUL, in 16-bit units. */
export const REG_SZ = 1;
/** Type of a value: bytes. */
export const REG_BINARY = 3;
/** Type of a value: a number of 32 bits. */
export const REG_DWORD = 4;

/** Token right: make another token from it. */
export const TOKEN_DUPLICATE = 2;
/** Token right: ask about it. */
export const TOKEN_QUERY = 8;
/** `GetTokenInformation`: `TOKEN_USER`, whose it is. */
export const TokenUser = 1;
/** `GetTokenInformation`: `TOKEN_SOURCE`; needs `TOKEN_QUERY_SOURCE`. */
export const TokenSource = 7;
/** `GetTokenInformation`: `TOKEN_STATISTICS`, which begins with its number. */
export const TokenStatistics = 10;

/** Desktop right: make windows. */
export const DESKTOP_CREATEWINDOW = 2;
/** Window station: every right of its own. */
export const WINSTA_ALL_ACCESS = 0x37f;
/** `GetUserObjectInformationW`: the name. */
export const UOI_NAME = 2;
/** `GetUserObjectInformationW`: the kind. */
export const UOI_TYPE = 3;

/** The predefined key of file types and classes. */
export const HKEY_CLASSES_ROOT: number = -0x8000_0000;
/** The predefined key of this user. */
export const HKEY_CURRENT_USER: number = -0x7fff_ffff;
/** The predefined key of this machine. */
export const HKEY_LOCAL_MACHINE: number = -0x7fff_fffe;
/** The predefined key of all users that are logged on. */
export const HKEY_USERS: number = -0x7fff_fffd;
