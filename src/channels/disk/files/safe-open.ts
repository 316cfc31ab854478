/** How files of a data directory are opened, whatever the process's umask is. */
import { constants } from 'node:fs'

/** For the owner alone. */
export const FILE_MODE = 0o600
export const DIRECTORY_MODE = 0o700

/** A symbolic link is not followed, and a pipe without a writer does not block. */
export const SAFE_OPEN = constants.O_NOFOLLOW | constants.O_NONBLOCK
