/** SQL as text: literals, names, and the few changes that are made to a query. */

/** Longer than any query that a person writes; a place in a macro lies behind it. */
export const MAX_SQL_CHARACTERS = 64 * 1024

/** A text as SQL. */
export function textLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** A name as SQL. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * What must not be changed in a text: comments, literals and quoted names; and what may be: names in
 * back quotes, and a semicolon. Every alternative begins with another character.
 */
const PARTS =
  /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$|`([^`]*)`|;/g

/** Names in back quotes, which Athena takes, in double quotes. The length stays the same. */
export function withStandardQuotes(sql: string): string {
  return sql.replace(PARTS, (part, _tag, name: string | undefined) =>
    name === undefined || name.includes('"') ? part : `"${name}"`,
  )
}

/** The text without the semicolons and comments at its end, so that it can stand in parentheses. */
export function withoutEnd(sql: string): string {
  let end = sql.length
  const marks = [...sql.matchAll(PARTS)].reverse()
  for (const { 0: part, index } of marks) {
    const isEnd = part === ';' || part.startsWith('--') || part.startsWith('/*')
    if (!isEnd || sql.slice(index + part.length, end).trim() !== '') break
    end = index
  }
  return sql.slice(0, end)
}
