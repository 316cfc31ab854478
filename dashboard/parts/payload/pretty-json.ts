/**
 * Breaks lines and indents, and changes nothing else: parsing it would round large numbers, drop
 * double keys and reorder others.
 */
export function prettyJson(text: string): string {
  if (!isJson(text)) return text
  let out = ''
  let depth = 0
  // A string with its escapes; a bracket with what is empty in it; anything else between.
  for (const [token] of text.matchAll(
    /"(?:[^"\\]|\\.)*"|\{\s*\}|\[\s*\]|[{}[\],:]|[^\s{}[\],:"]+/g,
  )) {
    if (token === '{' || token === '[') out += token + newLine(++depth)
    else if (token === '}' || token === ']') out += newLine(--depth) + token
    else if (token === ',') out += token + newLine(depth)
    else out += token === ':' ? ': ' : token.replace(/^([{[])\s+/, '$1')
  }
  return out
}

function newLine(depth: number): string {
  return `\n${'  '.repeat(Math.min(depth, 40))}`
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
