/** Counts the receipts of published messages, and the messages that have none yet. */

interface Failure {
  count: number
  /** The first such receipt's `error_message`. */
  readonly message: string
}

export class ReceiptTally {
  readonly #open = new Set<string>()
  readonly #failures = new Map<string, Failure>()
  #succeeded = 0
  #whenComplete: (() => void) | undefined

  get open(): number {
    return this.#open.size
  }

  get succeeded(): number {
    return this.#succeeded
  }

  get failures(): ReadonlyMap<string, Readonly<Failure>> {
    return this.#failures
  }

  expect(id: string): void {
    this.#open.add(id)
  }

  /** Counts a receipt. Receipts of other clients' messages, and other payloads, are ignored. */
  receive(payload: Buffer, correlation: string | undefined): void {
    const receipt = parseReceipt(payload)
    const id = correlation ?? receipt?.id
    if (receipt === undefined || id === undefined || !this.#open.delete(id)) return
    if (receipt.error === undefined) this.#succeeded += 1
    else this.#fail(receipt.error, receipt.message)
    if (this.#open.size === 0) this.#whenComplete?.()
  }

  /** Resolves when every expected receipt has arrived, or after `timeoutMs`. */
  complete(timeoutMs: number): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs)
      this.#whenComplete = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #fail(error: string, message: string): void {
    const known = this.#failures.get(error)
    if (known === undefined) this.#failures.set(error, { count: 1, message })
    else known.count += 1
  }
}

interface Receipt {
  readonly id: string | undefined
  /** Undefined if the receipt says success. */
  readonly error: string | undefined
  readonly message: string
}

/** Specification, "Output Data". */
function parseReceipt(payload: Buffer): Receipt | undefined {
  try {
    const { response, id } = JSON.parse(payload.toString())
    const isSuccess = response.status === 'success'
    return {
      id: typeof id === 'string' ? id : undefined,
      error: isSuccess ? undefined : String(response.error),
      message: String(response.error_message ?? ''),
    }
  } catch {
    return undefined
  }
}
