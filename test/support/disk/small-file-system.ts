/** A tmpfs of its own for a test: small enough to be filled, and it can be made read-only. */
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

  /** Why there can't be one here; undefined when there can. */
  static obstacle(): string | undefined {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) {
      return 'only root on Linux can mount a small file system'
    }
    // Root in a container may not be allowed to, either.
    const trial = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()])
    return trial.status === 0 ? undefined : 'mounting a tmpfs is not allowed here'
  }

  static async mount(bytes: number): Promise<SmallFileSystem> {
    const directory = await mkdtemp(join(tmpdir(), 'small-'))
    run('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', directory)
    return new SmallFileSystem(directory)
  }

  /** Whether it could be: not to `ro` while a file is open for writing. */
  remount(options: string): boolean {
    return spawnSync('mount', ['-o', `remount,${options}`, this.directory]).status === 0
  }

  /** Puts something beside the data until nothing more fits, or so much; returns how many bytes that took. */
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

  /** Takes away what `fillUp` put there. */
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
