/** Reads one YAML or JSON file and remembers on which line each value stands. */
import { readFile } from 'node:fs/promises'
import { isNode, LineCounter, parseDocument, type YAMLError } from 'yaml'
import { ConnectorError, messageOf, systemCodeOf } from '../errors.ts'
import type { ConfigPath } from './known-keys.ts'

export interface ConfigDocument {
  readonly value: unknown
  /** `hub.yaml:12:3`, as editors open it; for a path that is not in the file, the nearest that is. */
  locate(path: ConfigPath): string
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'it may not be read',
  EPERM: 'it may not be read',
}

/** Throws `InvalidConfiguration` with line and column of every fault in the file's form. */
export async function readConfigDocument(file: string): Promise<ConfigDocument> {
  return parseConfigDocument(file, await readText(file))
}

export function parseConfigDocument(file: string, text: string): ConfigDocument {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const faults: YAMLError[] = [...document.errors, ...document.warnings]
  if (faults.length > 0) {
    const told = faults.map((fault) => `  ${place(file, lines, fault.pos[0])}: ${fault.message}`)
    throw new ConnectorError(
      'InvalidConfiguration',
      `${file} is neither YAML nor JSON:\n${told.join('\n')}`,
    )
  }
  return {
    value: evaluated(file, () => document.toJS()),
    locate(path) {
      for (let length = path.length; length > 0; length--) {
        const node = document.getIn(path.slice(0, length), true)
        if (isNode(node) && node.range) return place(file, lines, node.range[0])
      }
      return file
    },
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (thrown) {
    const reason = REASONS[systemCodeOf(thrown) ?? ''] ?? messageOf(thrown)
    throw new ConnectorError('InvalidConfiguration', `Can’t read ${file}: ${reason}`, {
      cause: thrown,
    })
  }
}

/** Aliases are followed only now; a document that grows without end through them is refused. */
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
