/** An error that an operation answers with. */
export type IpcErrorCode =
  | 'ServiceError'
  | 'UnauthorizedError'
  | 'InvalidArgumentsError'
  | 'ResourceNotFoundError'
  | 'ConflictError'

export class IpcError extends Error {
  readonly code: IpcErrorCode

  constructor(code: IpcErrorCode, message = '') {
    super(message)
    this.code = code
  }
}
