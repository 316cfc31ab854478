/** Reads one YAML or JSON file, and knows the line of each value. */
import { isUtf8 } from 'node:buffer'
import {
  type Document,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml'
import { ConnectorError, messageOf } from '../../errors.ts'
import type { ConfigPath } from '../schema/schema-index.ts'
import { readGivenFile } from './given-file.ts'

/** A file of another kind has countless faults, and long quotes of it do not help. */
const MAX_FAULTS = 5
const MAX_FAULT_LENGTH = 160

export interface ConfigDocument {
  /** A key with `null` has the value undefined here, and a key without a value has null. */
  readonly value: unknown
  /**
   * `connector.yaml:12:3`, as editors open it. For a path that is not in the file: its nearest
   * parent.
   */
  readonly locate: (path: ConfigPath) => string
  /** The place of the last key of the path; undefined if the file has no such key. */
  readonly locateKey: (path: ConfigPath) => string | undefined
}

/** Throws `InvalidConfiguration` with line and column of every syntax error. */
export async function readConfigDocument(file: string): Promise<ConfigDocument> {
  const bytes = await readGivenFile(file)
  if (isUtf8(bytes)) return parseConfigDocument(file, bytes.toString())
  throw new ConnectorError(
    'InvalidConfiguration',
    `${file}: expected YAML or JSON in UTF-8, got bytes of another encoding. In Windows PowerShell, write the file with Out-File -Encoding utf8`,
  )
}

export function parseConfigDocument(file: string, text: string): ConfigDocument {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const faults: YAMLError[] = [...document.errors, ...document.warnings]
  if (faults.length > 0) {
    const shown = faults
      .slice(0, MAX_FAULTS)
      .map((fault) => `  ${place(file, lines, fault.pos[0])}: ${shortened(fault.message)}`)
    if (faults.length > MAX_FAULTS) shown.push(`  … and ${faults.length - MAX_FAULTS} more`)
    throw new ConnectorError(
      'InvalidConfiguration',
      `${file} is neither YAML nor JSON:\n${shown.join('\n')}`,
    )
  }
  unsetNulls(document)
  return {
    value: evaluated(file, () => document.toJS()),
    locate(path) {
      for (let length = path.length; length > 0; length--) {
        const node = document.getIn(path.slice(0, length), true)
        if (isNode(node) && node.range) return place(file, lines, node.range[0])
      }
      return file
    },
    locateKey(path) {
      const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
      if (!isMap(parent)) return undefined
      const key = parent.items.find((pair) => String(pair.key) === String(path.at(-1)))?.key
      return isNode(key) && key.range ? place(file, lines, key.range[0]) : undefined
    },
  }
}

/** `tls: null` unsets, as `--set …tls=null` does; `tls:` is a section with its defaults. */
function unsetNulls(document: Document): void {
  visit(document, {
    Pair(_, { value }) {
      const isNull = isScalar(value) && value.value === null && (value.source ?? '') !== ''
      if (isNull) value.value = undefined
    },
  })
}

/** Resolves aliases. Throws for a document that grows without bound through them. */
function evaluated(file: string, read: () => unknown): unknown {
  try {
    return read()
  } catch (thrown) {
    throw new ConnectorError('InvalidConfiguration', `${file}: ${messageOf(thrown)}`, {
      cause: thrown,
    })
  }
}

function place(file: string, lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset)
  return `${file}:${line}:${col}`
}

function shortened(text: string): string {
  return text.length <= MAX_FAULT_LENGTH ? text : `${text.slice(0, MAX_FAULT_LENGTH)}…`
}
