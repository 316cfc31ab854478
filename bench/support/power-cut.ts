/**
 * A power cut, simulated: the server's files are on an ext4 of their own in an image file, with its
 * default options. A copy of the image holds what the file system had given to its disk at that
 * instant, and nothing of what was only in the page cache; mounted, it is what a computer finds
 * after the cut. Linux and root.
 *
 * It favours servers: this disk keeps all that it was given, flushed or not, and the copy begins
 * when the killed process has ended, with a sync it may have been in.
 */
import { spawnSync } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

const IMAGE_BYTES = 2 * 1024 ** 3

export class PowerCutDisk {
  /** Where the disk is mounted; `cut` and `returnAfterCut` do not change it. */
  readonly directory: string
  readonly #image: string
  readonly #copy: string
  #isMounted = false

  private constructor(root: string) {
    this.directory = join(root, 'mounted')
    this.#image = join(root, 'disk.image')
    this.#copy = join(root, 'after-cut.image')
    process.once('exit', this.#leave)
  }

  /** `root` belongs to the caller and must outlive it. Throws if this process may not mount. */
  static async make(root: string): Promise<PowerCutDisk> {
    const disk = new PowerCutDisk(root)
    await mkdir(disk.directory)
    run('truncate', '-s', String(IMAGE_BYTES), disk.#image)
    run('mkfs.ext4', '-q', '-N', '16384', '-E', 'lazy_itable_init=0', disk.#image)
    disk.#mount(disk.#image)
    return disk
  }

  /** Everything that is there now will be there after the cut, no matter which process wrote it. */
  settle(): void {
    run('sync', '--file-system', this.directory)
  }

  /** `returnAfterCut` will find what is on the disk now. */
  cut(): void {
    run('cp', '--sparse=always', this.#image, this.#copy)
  }

  returnAfterCut(): void {
    this.#unmount()
    this.#mount(this.#copy)
  }

  async remove(): Promise<void> {
    this.#unmount()
    process.off('exit', this.#leave)
    await rm(this.#image, { force: true })
    await rm(this.#copy, { force: true })
    await rm(this.directory, { recursive: true, force: true })
  }

  #mount(image: string): void {
    run('mount', '-o', 'loop', image, this.directory)
    this.#isMounted = true
  }

  readonly #unmount = (): void => {
    if (this.#isMounted) run('umount', this.directory)
    this.#isMounted = false
  }

  /** When the benchmark ends early, the server may still be running. */
  readonly #leave = (): void => {
    if (this.#isMounted) run('umount', '--lazy', this.directory)
  }
}

function run(command: string, ...args: readonly string[]): void {
  const { error, status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`${command}: ${stderr.trim()}`)
}
