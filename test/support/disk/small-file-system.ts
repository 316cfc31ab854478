/** A tmpfs for one test: small enough to be filled, and it can be made read-only. */
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const BALLAST_STEP_BYTES = 4096

export class SmallFileSystem {
  readonly directory: string

  private constructor(directory: string) {
    this.directory = directory
  }

  /** Why it can't be created here; undefined if it can. */
  static obstacle(): string | undefined {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) {
      return 'only root on Linux can mount a small file system'
    }
    // Root in a container may not be allowed to mount either.
    const trial = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()])
    return trial.status === 0 ? undefined : 'mounting a tmpfs is not allowed here'
  }

  static async mount(bytes: number): Promise<SmallFileSystem> {
    const directory = await mkdtemp(join(tmpdir(), 'small-'))
    run('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', directory)
    return new SmallFileSystem(directory)
  }

  /** Remounts it. False if it could not, as with `ro` while a file is open for writing. */
  remount(options: string): boolean {
    return spawnSync('mount', ['-o', `remount,${options}`, this.directory]).status === 0
  }

  /** Writes a file beside the data until the disk is full or it has `atMost` bytes; returns its bytes. */
  fillUp(atMost = Number.POSITIVE_INFINITY): number {
    const file = openSync(this.#ballast, 'a')
    const step = Buffer.alloc(BALLAST_STEP_BYTES, 1)
    let bytes = 0
    try {
      while (bytes < atMost) bytes += writeSync(file, step)
    } catch {
      // It is full.
    } finally {
      closeSync(file)
    }
    return bytes
  }

  /** Removes the file that `fillUp` wrote. */
  makeRoom(): void {
    rmSync(this.#ballast, { force: true })
  }

  async unmount(): Promise<void> {
    run('umount', this.directory)
    await rm(this.directory, { recursive: true, force: true })
  }

  get #ballast(): string {
    return join(this.directory, 'ballast')
  }
}

function run(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
}
