/**
 * Reads one YAML or JSON file of definitions, and knows the line of each value. The short forms of
 * CloudFormation's functions (`!Ref Name`) become the long ones (`{"Ref": "Name"}`).
 */
import { isUtf8 } from 'node:buffer'
import {
  type CollectionTag,
  isNode,
  LineCounter,
  parseDocument,
  type ScalarTag,
  YAMLMap,
  type YAMLSeq,
} from 'yaml'
import { ConnectorError, messageOf } from '../../../errors.ts'
import { cut, printable } from '../../../shown-text.ts'

export type KeyPath = readonly (string | number)[]

export interface DefinitionDocument {
  /** As it was named on the command line. */
  readonly file: string
  readonly value: unknown
  /** `plant.yaml:12:3`; for a path that is not in the file, its nearest parent. */
  readonly locate: (path: KeyPath) => string
}

const MAX_BYTES = 8 * 1024 * 1024
const MAX_FAULTS = 5
const MAX_FAULT_CHARACTERS = 160
const FUNCTIONS = ['Sub', 'GetAtt', 'Join', 'If', 'Select', 'Split', 'FindInMap', 'ImportValue']
const OTHERS = ['Base64', 'Cidr', 'GetAZs', 'And', 'Or', 'Not', 'Equals', 'Transform']

/** @throws {ConnectorError} InvalidConfiguration, with line and column of every syntax error */
export function parseDefinitions(file: string, bytes: Buffer): DefinitionDocument {
  if (bytes.length > MAX_BYTES) {
    throw invalid(`${file}: expected at most ${MAX_BYTES} bytes, got ${bytes.length}`)
  }
  if (!isUtf8(bytes)) {
    throw invalid(`${file}: expected YAML or JSON in UTF-8, got bytes of another encoding`)
  }
  const lines = new LineCounter()
  const document = parseDocument(bytes.toString(), {
    lineCounter: lines,
    prettyErrors: false,
    customTags: shortForms(),
  })
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${line}:${col}`
  }
  const faults = [...document.errors, ...document.warnings]
  if (faults.length > 0) {
    const shown = faults
      .slice(0, MAX_FAULTS)
      .map(({ pos, message }) => `  ${place(pos[0])}: ${cut(message, MAX_FAULT_CHARACTERS)}`)
    if (faults.length > MAX_FAULTS) shown.push(`  … and ${faults.length - MAX_FAULTS} more`)
    throw invalid(`${file} is neither YAML nor JSON:\n${shown.map(printable).join('\n')}`)
  }
  return {
    file,
    value: evaluated(file, () => document.toJS()),
    locate(path) {
      for (let length = path.length; length > 0; length--) {
        const node = document.getIn(path.slice(0, length), true)
        if (isNode(node) && node.range) return place(node.range[0])
      }
      return file
    },
  }
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

/** `!Ref x`, `!Sub …`, `!Join [ … ]`: the functions of templates, for any kind of value. */
function shortForms(): (ScalarTag | CollectionTag)[] {
  const named = [
    ['!Ref', 'Ref'],
    ['!Condition', 'Condition'],
    ...[...FUNCTIONS, ...OTHERS].map((name) => [`!${name}`, `Fn::${name}`] as const),
  ] as const
  return named.flatMap(([tag, name]): (ScalarTag | CollectionTag)[] => [
    { tag, resolve: (text) => ({ [name]: text }) },
    { tag, collection: 'seq', resolve: (list) => callOf(name, list) },
    { tag, collection: 'map', resolve: (map) => callOf(name, map) },
  ])
}

function callOf(name: string, argument: YAMLMap.Parsed | YAMLSeq.Parsed): YAMLMap {
  const call = new YAMLMap()
  call.set(name, argument)
  return call
}

function invalid(message: string): ConnectorError {
  return new ConnectorError('InvalidConfiguration', message)
}
