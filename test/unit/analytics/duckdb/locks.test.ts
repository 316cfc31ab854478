/** Attacks through SQL: each statement must fail, and leave the files as they were. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  allowFiles,
  type Instance,
  lockInstance,
} from '../../../../src/analytics/duckdb/instance.ts'
import { parseSelect, prepareSelect } from '../../../../src/analytics/duckdb/select-statement.ts'
import { quotedName, textLiteral } from '../../../../src/analytics/duckdb/sql-text.ts'
import {
  openedInstance,
  temporaryDirectory,
  WITHOUT_DUCKDB,
} from '../../../support/analytics/opened-instance.ts'

const skip = WITHOUT_DUCKDB

interface Site {
  readonly instance: Instance
  readonly directory: string
  /** The file that queries may read. */
  readonly allowed: string
  /** A file of the same kind that they may not read. */
  readonly secret: string
}

/** A locked instance with a view on one of two Parquet files. */
async function lockedSite(t: TestContext): Promise<Site> {
  const directory = temporaryDirectory(t)
  const [allowed, secret] = [join(directory, 'allowed.parquet'), join(directory, 'secret.parquet')]
  const instance = await openedInstance(t)
  const { connection } = instance
  for (const file of [allowed, secret]) {
    await connection.run(`copy (select 7 as n) to ${textLiteral(file)} (format parquet)`)
    chmodSync(file, 0o444)
  }
  writeFileSync(join(directory, 'secret.txt'), 'secret')
  await allowFiles(connection, [allowed])
  await connection.run(
    `create view ${quotedName('c')} as from read_parquet(${textLiteral(allowed)})`,
  )
  await lockInstance(connection)
  return { instance, directory, allowed, secret }
}

/** As a query runs: checked, then prepared, then run. */
async function query({ instance }: Site, sql: string): Promise<unknown[][]> {
  await parseSelect(instance.connection, sql)
  const prepared = await prepareSelect(instance.connection, sql)
  return (await prepared.runAndReadAll()).getRowsJson()
}

/** What a query could do with the files of the site, in groups. `<…>` stands for a path. */
const ATTACKS: Readonly<Record<string, readonly string[]>> = {
  'reading other files': [
    "from read_parquet('<secret>')",
    "from '<secret>'",
    "from parquet_scan('<secret>')",
    "from read_csv('<directory>/secret.txt')",
    "from read_text('<directory>/secret.txt')",
    "from read_blob('<directory>/secret.txt')",
    "from read_json('<directory>/secret.txt')",
    "from read_ndjson_objects('<directory>/secret.txt')",
    "from read_duckdb('<directory>/secret.txt')",
    "from sniff_csv('<directory>/secret.txt')",
    "from glob('<directory>/*')",
    "from parquet_metadata('<secret>')",
    "from parquet_schema('<secret>')",
    "from parquet_kv_metadata('<secret>')",
    "from parquet_full_metadata('<secret>')",
    "from '<directory>/x/../secret.parquet'",
    "from '<directory>/*.parquet'",
    "from '/etc/passwd'",
    'from "read_text"(\'/etc/passwd\')',
    "from system.main.read_text('/etc/passwd')",
    "with a as (from read_text('/etc/passwd')) from a",
    "select (select content from read_text('/etc/passwd'))",
    "select 1 where exists (from read_text('/etc/passwd'))",
    "from c, lateral (from read_text('/etc/passwd'))",
    "describe from read_text('/etc/passwd')",
    "summarize from read_csv('/etc/passwd')",
  ],
  'reading from the network': [
    "from 'https://127.0.0.1/x.parquet'",
    "from 's3://bucket/x.parquet'",
    "from read_parquet('http://127.0.0.1/x.parquet')",
  ],
  'writing files': [
    "copy (select 1) to '<allowed>' (use_tmp_file false)",
    "copy (select 1) to '<allowed>'",
    "copy (select 1) to '<directory>/new.csv'",
    "copy (select 1) to '/dev/stdout'",
    "copy c from '<directory>/secret.txt'",
    "explain analyze copy (select 1) to '<allowed>' (use_tmp_file false)",
    "explain copy (select 1) to '<directory>/new.csv'",
    'explain analyze select 1',
    "export database '<directory>/new'",
    "import database '<directory>'",
    "attach '<directory>/new.db'",
    "attach ':memory:' as other",
    "attach '<secret>' as other",
    'checkpoint',
    'force checkpoint',
    'vacuum',
  ],
  'functions with effects': [
    "call enable_logging(storage = 'file', storage_path = '<directory>/new')",
    "from enable_logging(storage = 'file', storage_path = '<directory>/new')",
    "from \"ENABLE_LOGGING\"(storage = 'file', storage_path = '<directory>/new')",
    "from system.main.enable_logging(storage = 'file', storage_path = '<directory>/new')",
    'with a as (from enable_logging()) from a',
    "from query('from enable_logging()')",
    "from query('drop view c')",
    "from query_table('c')",
    "from json_execute_serialized_sql('{}')",
    'from enable_profiling()',
    'from disable_logging()',
    'from truncate_duckdb_logs()',
    'from checkpoint()',
    'from force_checkpoint()',
    'from duckdb_secrets()',
    "from which_secret('x', 's3')",
    'from duckdb_settings()',
  ],
  'changing the instance': [
    'create table t (a int)',
    'create or replace view c as select 1',
    'create macro m(x) as x',
    'create schema s',
    'create type y as int',
    'create sequence q',
    "create secret s (type s3, key_id 'a')",
    'drop view c',
    'alter view c rename to d',
    'insert into c values (1)',
    'update c set n = 1',
    'delete from c',
    'truncate c',
    'with a as (insert into c values (1) returning n) from a',
    'set variable x = 1',
    'set threads = 8',
    "set memory_limit = '4GB'",
    'set enable_external_access = true',
    'set lock_configuration = false',
    'reset lock_configuration',
    "pragma memory_limit = '4GB'",
    'pragma enable_profiling',
    "pragma profiling_output = '<directory>/new'",
    "set log_query_path = '<directory>/new'",
    'pragma version',
    'use memory',
    'begin',
    'rollback',
    'prepare p as select 1',
    'execute p',
    'deallocate p',
    'analyze',
  ],
  extensions: [
    'install httpfs',
    'load httpfs',
    "load '<directory>/secret.txt'",
    'update extensions',
    "force install httpfs from 'http://127.0.0.1'",
  ],
  'more than one statement': [
    'select 1; select 2',
    'select 1; drop view c',
    "select 1; copy (select 1) to '<allowed>' (use_tmp_file false)",
    'pivot c on n using sum(n)',
    'from (pivot c on n using sum(n))',
  ],
  'no statement': ['', ';', '-- nothing', 'selec 1', 'select ?', 'select $1', 'select $name'],
}

for (const [group, attacks] of Object.entries(ATTACKS)) {
  test(`SQL is refused: ${group}`, { skip }, async (t) => {
    const site = await lockedSite(t)
    const before = readdirSync(site.directory).sort()
    const bytes = readFileSync(site.allowed)

    for (const attack of attacks) {
      const sql = attack
        .replaceAll('<directory>', site.directory)
        .replaceAll('<allowed>', site.allowed)
        .replaceAll('<secret>', site.secret)
      await assert.rejects(query(site, sql), { code: 'InvalidQuery' }, sql)
    }

    assert.deepEqual(readdirSync(site.directory).sort(), before)
    assert.deepEqual(readFileSync(site.allowed), bytes)
    assert.equal(existsSync('new'), false)
    assert.deepEqual(await query(site, 'from c'), [[7]])
  })
}

test('a query may be any form of SELECT', { skip }, async (t) => {
  const site = await lockedSite(t)
  const forms = [
    'select n from c',
    'select n from c; -- the end',
    'from c',
    'table c',
    'values (7)',
    'with a as (from c) from a',
    'with recursive r as (select 7 as n union all select n + 1 from r where n < 7) from r',
    'select n from c, range(1)',
    'select n from c cross join unnest([1]) as u(x)',
    'select distinct unnest([n]) from c',
    'from (pivot c on n in (7) using max(n)) select "7"',
    'unpivot c on n into name k value n',
  ]

  for (const form of forms) {
    const rows = await query(site, form)

    assert.equal(rows.length, 1, form)
    assert.equal(rows[0]?.at(-1), 7, form)
  }
  assert.equal((await query(site, 'describe c')).length, 1)
  assert.equal((await query(site, 'summarize c')).length, 1)
  assert.deepEqual(await query(site, 'show tables'), [['c']])
  const listed = await query(
    site,
    "select table_name from information_schema.tables where table_name = 'c'",
  )
  assert.deepEqual(listed, [['c']])
})

test('a statement says which tables it names, but not those that it defines', {
  skip,
}, async (t) => {
  const { connection } = await openedInstance(t)

  const joined = await parseSelect(
    connection,
    'with a as (from one) select * from a join "Two" using (n) where n in (select n from three)',
  )
  const listing = await parseSelect(connection, 'show tables')

  assert.deepEqual(joined.tables.map(({ name }) => name).sort(), ['Two', 'one', 'three'])
  assert.equal(joined.listsTables, false)
  assert.deepEqual([listing.tables, listing.listsTables], [[], true])
})

test('an error shows the line and a caret below the place', { skip }, async (t) => {
  const site = await lockedSite(t)

  await assert.rejects(query(site, 'select n,\n  "é" || wrong\nfrom c'), {
    code: 'InvalidQuery',
    message: /not found in FROM clause!\n.*\nline 2: {3}"é" \|\| wrong\n {10}\^$|line 2: /s,
  })
  await assert.rejects(query(site, 'select n frm c'), {
    message: 'syntax error at or near "c"\nline 1: select n frm c\n                     ^',
  })
})

test('advice comes with statements that others know under another form', { skip }, async (t) => {
  const site = await lockedSite(t)

  await assert.rejects(query(site, 'explain from c'), { message: /--explain/ })
  await assert.rejects(query(site, 'pivot c on n using sum(n)'), { message: /ON column IN/ })
  await assert.rejects(query(site, "select parse_datetime('1', 'y')"), {
    message: /Use date_parse/,
  })
  await assert.rejects(query(site, 'drop view c'), { message: /a query changes nothing/ })
})
