// The licences of the packages that a bundle holds a part of.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')

/** Each text once. `inputs` are the files of the bundle. */
export function licensesOf(inputs) {
  const folders = inputs.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? [])
  const packages = [...new Set(folders)].sort().map((folder) => ({
    name: folder.replace(/^.*node_modules\//, ''),
    about: JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')),
    given: licenseIn(join(root, folder)),
  }))
  const names = new Map()
  for (const one of packages) {
    const text = isWhole(one.given) ? one.given : standardText(one, packages)
    names.set(text, [...(names.get(text) ?? []), one.name])
  }
  return [...names].map(([text, held]) => `${held.join(', ')}\n\n${text}\n`).join('\n\n\n')
}

function licenseIn(folder) {
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name))
  return file === undefined ? '' : readFileSync(join(folder, file), 'utf8').trim()
}

/** Some packages have no file, or one that only names the licence and its owner. */
function isWhole(text) {
  return text.length > 400
}

function standardText({ name, about, given }, packages) {
  const { license, author, contributors = [] } = about
  // The text of this licence names nobody, so another package's copy is the same.
  const other = packages.find((one) => one.about.license === license && isWhole(one.given))
  if (license === 'Apache-2.0' && other !== undefined) return other.given
  const owner = [author, ...contributors].map((one) => one?.name ?? one).find(Boolean)
  const copyright = /^copyright.*/im.exec(given)?.[0] ?? (owner && `Copyright (c) ${owner}`)
  if (license === 'MIT' && copyright !== undefined) return mitLicense(copyright)
  throw new Error(`${name} is bundled and has no licence text; its licence is ${license}`)
}

function mitLicense(copyright) {
  return `MIT License

${copyright}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense,
and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so,
subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT
LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN
NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY,
WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE
SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`
}
