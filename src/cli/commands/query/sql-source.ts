/** Where the SQL comes from: the argument, a file or standard input. */

import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { fileReasonOf } from '../../../errors.ts'
import { usageError } from '../../exit-code.ts'

/** @throws a usage error if there are two sources, or none */
export async function readSql(
  argument: string | undefined,
  file: string | undefined,
  { stdin }: NodeJS.Process,
): Promise<string> {
  if (argument !== undefined && file !== undefined) {
    throw usageError('expected the SQL as an argument or in --file, got both')
  }
  if (argument !== undefined && argument !== '-') return argument
  if (file !== undefined) return await fileText(file)
  if (argument === undefined && stdin.isTTY) {
    throw usageError(
      'expected SQL as an argument, in --file or on standard input, such as: query "show tables"',
    )
  }
  return await text(stdin)
}

async function fileText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (thrown) {
    throw usageError(`--file: cannot read ${file}: ${fileReasonOf(thrown)}`)
  }
}
