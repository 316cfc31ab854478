/** A name as SQL needs it: as it is if it is a plain word, otherwise in quotes. */

/** Columns and channels whose names are words of SQL. */
const WORDS = new Set(
  'all and any as asc between by case desc distinct else end false from group having in is join limit not null offset on or order select table then to true union user using when where with'.split(
    ' ',
  ),
)

export function quotedName(name: string): string {
  if (/^[a-z_][a-z0-9_]*$/.test(name) && !WORDS.has(name)) return name
  return `"${name.replaceAll('"', '""')}"`
}
