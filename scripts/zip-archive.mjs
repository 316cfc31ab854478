// Writes zip archives whose bytes follow from their content alone: no times, no owners (PKWARE's
// APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16).
import { crc32, deflateRawSync } from 'node:zlib'

const LOCAL_HEADER = 0x04034b50
const CENTRAL_HEADER = 0x02014b50
const END = 0x06054b50
const VERSION_NEEDED = 20
/** By Unix, so that the mode below counts. */
const VERSION_MADE = (3 << 8) | VERSION_NEEDED
const UTF8_NAMES = 1 << 11
const DEFLATED = 8
/** 1980-01-01, the first day that zip knows. */
const DATE = (1 << 5) | 1
/** A regular file, read by all. */
const MODE = 0o100644

/** @param {readonly {name: string, content: Buffer}[]} files */
export function zipArchive(files) {
  const locals = []
  const centrals = []
  let offset = 0
  for (const { name, content } of files) {
    const path = Buffer.from(name)
    const packed = deflateRawSync(content, { level: 9 })
    const about = aboutOf(content, packed, path)
    const local = Buffer.concat([u32(LOCAL_HEADER), u16(VERSION_NEEDED), about, path, packed])
    const tail = [u16(0), u16(0), u16(0), u32(MODE * 0x10000), u32(offset)]
    const central = [u32(CENTRAL_HEADER), u16(VERSION_MADE), u16(VERSION_NEEDED), about, ...tail]
    locals.push(local)
    centrals.push(Buffer.concat([...central, path]))
    offset += local.length
  }
  const directory = Buffer.concat(centrals)
  const counts = [u16(0), u16(0), u16(files.length), u16(files.length)]
  const end = [u32(END), ...counts, u32(directory.length), u32(offset), u16(0)]
  return Buffer.concat([...locals, directory, ...end])
}

/** The fields that both headers have, from the flags to the length of the extra field. */
function aboutOf(content, packed, path) {
  return Buffer.concat([
    ...[u16(UTF8_NAMES), u16(DEFLATED), u16(0), u16(DATE), u32(crc32(content))],
    ...[u32(packed.length), u32(content.length), u16(path.length), u16(0)],
  ])
}

function u16(value) {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16LE(value)
  return bytes
}

function u32(value) {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
