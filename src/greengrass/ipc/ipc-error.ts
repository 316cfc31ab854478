/** The service's own codes: what a nucleus answers an operation with. */
const SERVICE_CODES = [
  'ServiceError',
  'UnauthorizedError',
  'InvalidArgumentsError',
  'ResourceNotFoundError',
  'ConflictError',
  'FailedUpdateConditionCheckError',
] as const

export type ServiceCode = (typeof SERVICE_CODES)[number]

export type IpcErrorCode =
  | ServiceCode
  /** The socket can't be connected. */
  | 'Unreachable'
  /** The nucleus refuses the login. */
  | 'NotAccepted'
  /** There is no connection now, or this side has closed it. */
  | 'NotConnected'
  /** The nucleus closed the connection. */
  | 'ConnectionLost'
  /** The nucleus sent what the protocol does not allow. */
  | 'ProtocolViolation'
  /** The nucleus says that this side broke the protocol, or that it failed itself. */
  | 'ProtocolError'
  /** No answer came in time. */
  | 'DeadlineExceeded'
  /** The nucleus ended a subscription. */
  | 'StreamEnded'
  /** The nucleus would not take a frame of this size. */
  | 'FrameTooLarge'
  /** The stream ids of the connection are used up; a new connection is being made. */
  | 'StreamIdsUsedUp'

export class IpcError extends Error {
  override readonly name = 'IpcError'
  readonly code: IpcErrorCode

  constructor(code: IpcErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }

  /** Whether a nucleus answered an operation with it; otherwise there was no answer to trust. */
  get isAnswer(): boolean {
    return SERVICE_CODES.some((code) => code === this.code)
  }
}

/** Unknown codes count as ServiceError. */
export function serviceCodeOf(name: string): ServiceCode {
  return SERVICE_CODES.find((code) => code === name) ?? 'ServiceError'
}
