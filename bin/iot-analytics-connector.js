#!/usr/bin/env node
// The program in dist/. In a clone, npx links the commands of package.json once and remembers it, so
// this file is there before anything is built.
import { existsSync } from 'node:fs'
import process from 'node:process'

const program = new URL('../dist/program/main.js', import.meta.url)
if (existsSync(program)) {
  void import(program.href)
} else {
  process.stderr.write(
    'error: this clone has not been built: run `npm ci && npm run build` in it\n',
  )
  process.exitCode = 1
}
