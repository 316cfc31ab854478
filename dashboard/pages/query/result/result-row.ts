/**
 * The rows of a result, each from its line of JSON. Values stay as they are written, because a number in
 * JavaScript has only 53 bits, and members keep their order, which objects would change.
 */
export interface Cell {
  readonly name: string
  /** `nested`: an object or an array, as JSON. */
  readonly kind: 'null' | 'number' | 'text' | 'boolean' | 'nested'
  readonly text: string
}

export interface Result {
  readonly columns: readonly string[]
  /** A row has its cells in the order of the columns. */
  readonly rows: readonly (readonly Cell[])[]
  /** Whether there are more than these. */
  readonly isCut: boolean
  readonly elapsedMs: number
}

/** @throws {SyntaxError} for what is no object in JSON */
export function cellsOf(line: string): readonly Cell[] {
  // Checks the whole line, so that what follows may trust it.
  JSON.parse(line)
  const cells: Cell[] = []
  let at = line.indexOf('{') + 1
  while (line[at] === '"') {
    const nameEnd = endOfText(line, at)
    const name: string = JSON.parse(line.slice(at, nameEnd))
    const start = nameEnd + 1
    const end = endOfValue(line, start)
    cells.push(cellOf(name, line.slice(start, end)))
    at = end + 1
  }
  return cells
}

function cellOf(name: string, json: string): Cell {
  const [first = ''] = json
  if (first === '"') return { name, kind: 'text', text: JSON.parse(json) }
  if (first === '{' || first === '[') return { name, kind: 'nested', text: json }
  if (json === 'null') return { name, kind: 'null', text: '' }
  if (json === 'true' || json === 'false') return { name, kind: 'boolean', text: json }
  return { name, kind: 'number', text: json }
}

/** After the quote that ends it. */
function endOfText(line: string, from: number): number {
  let at = from + 1
  while (at < line.length && line[at] !== '"') at += line[at] === '\\' ? 2 : 1
  return at + 1
}

/** At the comma or the bracket behind it. */
function endOfValue(line: string, from: number): number {
  let depth = 0
  let at = from
  while (at < line.length) {
    const character = line[at] ?? ''
    if (character === '"') {
      at = endOfText(line, at)
      continue
    }
    if (depth === 0 && (character === ',' || character === '}')) break
    if (character === '{' || character === '[') depth++
    if (character === '}' || character === ']') depth--
    at++
  }
  return at
}
