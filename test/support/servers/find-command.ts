/** Where the programs of servers are. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Directories that are not on every user's PATH. */
const MORE = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin']

/** The path of a program, if it is installed. */
export function findCommand(name: string): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), ...MORE]
  return directories.map((directory) => join(directory, name)).find((path) => existsSync(path))
}
