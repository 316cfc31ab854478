/**
 * Password hashes in the form of the password file: `scrypt$N$r$p$salt$hash`, with salt and hash in
 * base64url. Each hash carries its own cost parameters, so older lines stay valid when the defaults
 * change.
 */
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'

export interface PasswordHash {
  readonly cost: number
  readonly blockSize: number
  readonly parallelization: number
  readonly salt: Buffer
  readonly hash: Buffer
}

/** Each guess costs an attacker 16 MiB and about 50 ms on a small machine. */
const COST = 16_384
const BLOCK_SIZE = 8
const PARALLELIZATION = 1
const SALT_BYTES = 16
const HASH_BYTES = 32
/** The most memory that checking one line may take. */
const MAX_MEMORY_BYTES = 256 * 1024 * 1024
const MAX_PARALLELIZATION = 16
/** MQTT allows passwords of up to 65,535 bytes; we check none longer than this. */
export const MAX_PASSWORD_BYTES = 1_024

const FORM = /^scrypt\$(\d{1,7})\$(\d{1,3})\$(\d{1,2})\$([\w-]{16,128})\$([\w-]{22,128})$/

/** No password is right for this. If there are no users, unknown users are compared with it. */
export const NOBODY: PasswordHash = {
  cost: COST,
  blockSize: BLOCK_SIZE,
  parallelization: PARALLELIZATION,
  salt: Buffer.alloc(SALT_BYTES),
  hash: Buffer.alloc(HASH_BYTES),
}

export async function hashPassword(password: Buffer): Promise<string> {
  const fresh = { ...NOBODY, salt: randomBytes(SALT_BYTES) }
  const hash = await derive(password, fresh)
  const { cost, blockSize, parallelization, salt } = fresh
  const texts = [salt.toString('base64url'), hash.toString('base64url')]
  return ['scrypt', cost, blockSize, parallelization, ...texts].join('$')
}

/** Undefined if the text is not such a hash, or one that would cost too much to check. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const [, cost, blockSize, parallelization, salt = '', hash = ''] = FORM.exec(text) ?? []
  const parsed: PasswordHash = {
    cost: Number(cost),
    blockSize: Number(blockSize),
    parallelization: Number(parallelization),
    salt: Buffer.from(salt, 'base64url'),
    hash: Buffer.from(hash, 'base64url'),
  }
  const isCost = parsed.cost >= 2 && Number.isInteger(Math.log2(parsed.cost))
  // RFC 7914, section 2: N is less than 2^(128 r / 8).
  const isInBounds = Math.log2(parsed.cost) < 16 * parsed.blockSize
  const isUsable =
    isCost &&
    isInBounds &&
    parsed.blockSize >= 1 &&
    parsed.parallelization >= 1 &&
    parsed.parallelization <= MAX_PARALLELIZATION &&
    memoryOf(parsed) <= MAX_MEMORY_BYTES
  return isUsable ? parsed : undefined
}

/** Takes the same time whether or not the password is right. */
export async function isPassword(password: Buffer, known: PasswordHash): Promise<boolean> {
  if (password.length > MAX_PASSWORD_BYTES) return false
  const isEqual = timingSafeEqual(await derive(password, known), known.hash)
  return isEqual && known !== NOBODY
}

export function isSameHash(one: PasswordHash, other: PasswordHash): boolean {
  return (
    one.cost === other.cost &&
    one.blockSize === other.blockSize &&
    one.parallelization === other.parallelization &&
    one.salt.equals(other.salt) &&
    one.hash.equals(other.hash)
  )
}

function memoryOf({ cost, blockSize, parallelization }: PasswordHash): number {
  return 128 * blockSize * (cost + parallelization + 2)
}

function derive(password: Buffer, known: PasswordHash): Promise<Buffer> {
  const options: ScryptOptions = {
    cost: known.cost,
    blockSize: known.blockSize,
    parallelization: known.parallelization,
    maxmem: 2 * memoryOf(known),
  }
  return new Promise((resolve, reject) => {
    scrypt(password, known.salt, known.hash.length, options, (error, hash) => {
      if (error === null) resolve(hash)
      else reject(error)
    })
  })
}
