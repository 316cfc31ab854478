/**
 * Reads the XML that S3 answers with: elements and text, with bounds. Attributes, comments and the
 * declaration are skipped. Anything else, such as a document type, makes it no answer of S3.
 */

export interface XmlElement {
  readonly name: string
  readonly text: string
  readonly children: readonly XmlElement[]
}

const MAX_DEPTH = 16
const MAX_CHARACTERS = 2_000_000

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  apos: "'",
  gt: '>',
  lt: '<',
  quot: '"',
}
const SKIPPED = /^(?:\s+|<\?[^>]*\?>|<!--(?:[^-]|-[^-])*-->)+/
const TAG =
  /^<(\/?)([A-Za-z_][\w.:-]{0,127})((?:\s+[\w.:-]{1,128}\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/
/** A tag is not searched for in more than this. */
const MAX_TAG_CHARACTERS = 4_096

interface OpenElement {
  readonly name: string
  text: string
  readonly children: XmlElement[]
}

/** The root element; undefined if the text is not such XML. */
export function parseXml(text: string): XmlElement | undefined {
  if (text.length > MAX_CHARACTERS) return undefined
  const open: OpenElement[] = []
  let root: XmlElement | undefined
  let at = text.startsWith('\ufeff') ? 1 : 0
  while (at < text.length) {
    const end = markupAt(text, at)
    if (!addText(open.at(-1), text.slice(at, end))) return undefined
    const taken = takeMarkup(open, text.slice(end, end + MAX_TAG_CHARACTERS))
    if (taken === undefined || (taken.isTag && root !== undefined)) return undefined
    at = end + taken.length
    if (open.length === 0) root ??= taken.closed
  }
  return root
}

interface Markup {
  readonly length: number
  readonly isTag: boolean
  /** The element that ends with it. */
  readonly closed: XmlElement | undefined
}

/** The tag, or what is skipped, at the beginning of `rest`. Undefined if it is neither. */
function takeMarkup(open: OpenElement[], rest: string): Markup | undefined {
  const skipped = SKIPPED.exec(rest)?.[0].length ?? 0
  if (skipped > 0 || rest === '') return { length: skipped, isTag: false, closed: undefined }
  const tag = TAG.exec(rest)
  if (tag === null) return undefined
  const closed = takeTag(open, tag)
  return closed === 'invalid' ? undefined : { length: tag[0].length, isTag: true, closed }
}

function markupAt(text: string, at: number): number {
  const found = text.indexOf('<', at)
  return found < 0 ? text.length : found
}

/** The element that the tag closes, if it closes one. */
function takeTag(open: OpenElement[], tag: RegExpExecArray): XmlElement | undefined | 'invalid' {
  const [, slash, name = '', attributes, empty] = tag
  if (slash === '/') {
    const closed = open.pop()
    if (closed?.name !== name || attributes !== '' || empty !== '') return 'invalid'
    open.at(-1)?.children.push(closed)
    return closed
  }
  if (open.length >= MAX_DEPTH) return 'invalid'
  const element: OpenElement = { name, text: '', children: [] }
  if (empty !== '/') {
    open.push(element)
    return undefined
  }
  open.at(-1)?.children.push(element)
  return element
}

/** Returns false if the text can't stand there. */
function addText(element: OpenElement | undefined, raw: string): boolean {
  if (element === undefined) return raw.trim() === ''
  const text = unescaped(raw)
  if (text === undefined) return false
  element.text += text
  return true
}

function unescaped(raw: string): string | undefined {
  if (!raw.includes('&')) return raw
  let isValid = true
  const text = raw.replace(/&([^;]{0,10};)?/g, (_whole, given: string | undefined) => {
    const character = characterOf(given?.slice(0, -1) ?? '')
    if (character === undefined) isValid = false
    return character ?? ''
  })
  return isValid ? text : undefined
}

function characterOf(entity: string): string | undefined {
  if (Object.hasOwn(ENTITIES, entity)) return ENTITIES[entity]
  const [, hex, decimal] = /^#(?:x([0-9a-f]{1,6})|([0-9]{1,7}))$/i.exec(entity) ?? []
  const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined
}

/** The text of the first child of that name. */
export function childText(element: XmlElement | undefined, name: string): string | undefined {
  return element?.children.find((child) => child.name === name)?.text
}

export function childrenOf(element: XmlElement | undefined, name: string): readonly XmlElement[] {
  return element?.children.filter((child) => child.name === name) ?? []
}

export function escapedXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
