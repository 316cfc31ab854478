// Archives whose bytes follow from their content: names in order, no owner, the time of the release.
import { basename, dirname } from 'node:path'
import { reproducibly, run } from './released.mjs'

/** Packs a folder, with its own name, into a tar.xz. */
export function archive(folder, file) {
  const environment = reproducibly()
  const time = `--mtime=@${environment.SOURCE_DATE_EPOCH}`
  const owner = ['--owner=0', '--group=0', '--numeric-owner', '--mode=u+rw,go=rX']
  run(
    'tar',
    ['--sort=name', time, ...owner, '-C', dirname(folder), '-cJf', file, basename(folder)],
    {
      env: { ...environment, XZ_OPT: '-6 -T2' },
    },
  )
}
