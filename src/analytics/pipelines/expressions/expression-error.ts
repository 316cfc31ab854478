/** Why an expression or the path of an attribute cannot be used, and where. */

/** Characters that would move the caret away from its column. */
const UNEVEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

export class ExpressionError extends Error {
  override readonly name = 'ExpressionError'
  /** Counted from 1. */
  readonly column: number

  /** `at` is the index in the text. The message shows the text with a caret below that place. */
  constructor(text: string, at: number, problem: string) {
    const column = at + 1
    const line = text.replace(UNEVEN, ' ')
    super(`column ${column}: ${problem}\n  ${line}\n  ${' '.repeat(at)}^`)
    this.column = column
  }
}
