/** Transactions: ktmw32.h. */
import { show } from "../check.ts";
import { scratch } from "../backend/scratch.ts";
import { ktmw32Transactions } from "./symbols/sessions.ts";
import { checkDword, checkHandle, nameArgument } from "./check.ts";
import { win32Error } from "./errors.ts";
import { kernel32, lazy, type Library } from "./libraries.ts";
import { type SecurityAttributes, securityAttributes } from "./security.ts";

const transactions: Library<typeof ktmw32Transactions> = /* @__PURE__ */ lazy(
  "ktmw32.dll",
  ktmw32Transactions,
);

/**
 * `CreateTransaction(lpTransactionAttributes, UOW, CreateOptions, IsolationLevel, IsolationFlags,
 * Timeout, Description)` — makes a transaction, in which changes of files and registry keys happen
 * together or not at all.
 *
 * @param lpTransactionAttributes whether child processes inherit the handle; `null` means that they
 * do not
 * @param UOW `null`
 * @param CreateOptions 0, or `TRANSACTION_DO_NOT_PROMOTE`
 * @param IsolationLevel 0
 * @param IsolationFlags 0
 * @param Timeout the time after which it is rolled back, in milliseconds; 0 for never
 * @param Description a description for users; `null` for none
 * @returns a new handle; closing the last handle rolls back what is not committed
 * @throws {HandleError} `ERROR_ACCESS_DENIED`, …
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/ktmw32/nf-ktmw32-createtransaction
 *
 * @example
 * ```ts
 * import { CloseHandle, CommitTransaction, CreateTransaction } from "duphandle/win32";
 *
 * function inTransaction(work: (transaction: number) => void) {
 *   const transaction = CreateTransaction(null, null, 0, 0, 0, 0, "an example");
 *   try {
 *     work(transaction);
 *     CommitTransaction(transaction);
 *   } finally {
 *     CloseHandle(transaction);
 *   }
 * }
 * ```
 */
export function CreateTransaction(
  lpTransactionAttributes: SecurityAttributes | null,
  UOW: null,
  CreateOptions: number,
  IsolationLevel: number,
  IsolationFlags: number,
  Timeout: number,
  Description: string | null,
): number {
  if (UOW !== null) throw new TypeError(`Cannot use ${show(UOW)} as UOW: it must be null`);
  checkDword(CreateOptions, "CreateOptions");
  checkDword(IsolationLevel, "IsolationLevel");
  checkDword(IsolationFlags, "IsolationFlags");
  checkDword(Timeout, "Timeout");
  const security = securityAttributes(lpTransactionAttributes);
  const text = nameArgument(Description, "Description");
  const { CreateTransaction } = transactions();
  const { GetLastError } = kernel32();
  const handle = CreateTransaction(
    security,
    0,
    CreateOptions,
    IsolationLevel,
    IsolationFlags,
    Timeout,
    text,
  );
  if (handle === -1) throw win32Error(GetLastError(), "CreateTransaction", undefined);
  return handle;
}

/**
 * `GetTransactionId(TransactionHandle, TransactionId)` — the identifier of the transaction that a
 * handle refers to.
 *
 * @param TransactionHandle a handle of the transaction
 * @returns the 16 bytes of its GUID
 * @throws {HandleError} `ERROR_INVALID_HANDLE`
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/ktmw32/nf-ktmw32-gettransactionid
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateTransaction, GetTransactionId } from "duphandle/win32";
 *
 * function tryOut(work: (transaction: number) => void) {
 *   const transaction = CreateTransaction(null, null, 0, 0, 0, 0, null);
 *   try {
 *     work(transaction);
 *     console.log(GetTransactionId(transaction));
 *   } finally {
 *     CloseHandle(transaction);
 *   }
 * }
 * ```
 */
export function GetTransactionId(TransactionHandle: number): Uint8Array {
  checkHandle(TransactionHandle, "TransactionHandle");
  const { address, bytes } = scratch();
  const { GetTransactionId } = transactions();
  const { GetLastError } = kernel32();
  if (GetTransactionId(TransactionHandle, address) === 0) {
    throw win32Error(GetLastError(), "GetTransactionId", TransactionHandle);
  }
  return bytes.slice(0, 16);
}

/**
 * `CommitTransaction(TransactionHandle)` — makes the changes of a transaction permanent.
 *
 * @param TransactionHandle a handle of the transaction
 * @throws {HandleError} `ERROR_TRANSACTION_ALREADY_COMMITTED`, `ERROR_INVALID_HANDLE`, …
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/ktmw32/nf-ktmw32-committransaction
 *
 * @example
 * ```ts
 * import { CloseHandle, CommitTransaction, CreateTransaction } from "duphandle/win32";
 *
 * function inTransaction(work: (transaction: number) => void) {
 *   const transaction = CreateTransaction(null, null, 0, 0, 0, 0, "an example");
 *   try {
 *     work(transaction);
 *     CommitTransaction(transaction);
 *   } finally {
 *     CloseHandle(transaction);
 *   }
 * }
 * ```
 */
export function CommitTransaction(TransactionHandle: number): void {
  checkHandle(TransactionHandle, "TransactionHandle");
  const { CommitTransaction } = transactions();
  const { GetLastError } = kernel32();
  if (CommitTransaction(TransactionHandle) === 0) {
    throw win32Error(GetLastError(), "CommitTransaction", TransactionHandle);
  }
}

/**
 * `RollbackTransaction(TransactionHandle)` — rolls back the changes of a transaction.
 *
 * @param TransactionHandle a handle of the transaction
 * @throws {HandleError} `ERROR_TRANSACTION_ALREADY_COMMITTED`, `ERROR_INVALID_HANDLE`, …
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/ktmw32/nf-ktmw32-rollbacktransaction
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateTransaction, RollbackTransaction } from "duphandle/win32";
 *
 * function tryOut(work: (transaction: number) => void) {
 *   const transaction = CreateTransaction(null, null, 0, 0, 0, 0, null);
 *   try {
 *     work(transaction);
 *     RollbackTransaction(transaction);
 *   } finally {
 *     CloseHandle(transaction);
 *   }
 * }
 * ```
 */
export function RollbackTransaction(TransactionHandle: number): void {
  checkHandle(TransactionHandle, "TransactionHandle");
  const { RollbackTransaction } = transactions();
  const { GetLastError } = kernel32();
  if (RollbackTransaction(TransactionHandle) === 0) {
    throw win32Error(GetLastError(), "RollbackTransaction", TransactionHandle);
  }
}
