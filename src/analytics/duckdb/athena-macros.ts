/** The functions of Athena and Presto that DuckDB does not have, or has under another name. */

import { MAX_SQL_CHARACTERS } from './sql-text.ts'

/** `strptime` needs a constant format, so every format that `date_parse` knows has a line. */
const DATE_FORMATS: readonly (readonly [athena: string, duckdb: string])[] = [
  ['%Y-%m-%d %H:%i:%s', '%Y-%m-%d %H:%M:%S'],
  ['%Y-%m-%d %H:%i:%s.%f', '%Y-%m-%d %H:%M:%S.%f'],
  ['%Y-%m-%d %T', '%Y-%m-%d %H:%M:%S'],
  ['%Y-%m-%d %H:%i', '%Y-%m-%d %H:%M'],
  ['%Y-%m-%dT%H:%i:%s', '%Y-%m-%dT%H:%M:%S'],
  ['%Y-%m-%dT%H:%i:%s.%f', '%Y-%m-%dT%H:%M:%S.%f'],
  ['%Y-%m-%dT%H:%i:%sZ', '%Y-%m-%dT%H:%M:%SZ'],
  ['%Y-%m-%dT%H:%i:%s.%fZ', '%Y-%m-%dT%H:%M:%S.%fZ'],
  ['%Y-%m-%d', '%Y-%m-%d'],
  ['%Y/%m/%d', '%Y/%m/%d'],
  ['%Y%m%d', '%Y%m%d'],
  ['%d.%m.%Y', '%d.%m.%Y'],
  ['%d/%m/%Y', '%d/%m/%Y'],
  ['%m/%d/%Y', '%m/%d/%Y'],
  ['%d/%m/%Y %H:%i:%s', '%d/%m/%Y %H:%M:%S'],
  ['%m/%d/%Y %H:%i:%s', '%m/%d/%Y %H:%M:%S'],
]

const DATE_PARSE = DATE_FORMATS.map(
  ([athena, duckdb]) => `when '${athena}' then strptime(s, '${duckdb}')`,
).join('\n')

/**
 * Of the letters that differ, `%i` (minutes) becomes `%M`, which means a month's name to Athena. It
 * takes a detour over `%:M`, which neither has.
 */
const DATE_FORMAT_LETTERS: readonly (readonly [athena: string, duckdb: string])[] = [
  ['%i', '%:M'],
  ['%M', '%B'],
  ['%:M', '%M'],
  ['%s', '%S'],
  ['%h', '%I'],
  ['%e', '%-d'],
  ['%c', '%-m'],
  ['%T', '%H:%M:%S'],
  ['%k', '%-H'],
  ['%l', '%-I'],
  ['%W', '%A'],
]

const DATE_FORMAT = DATE_FORMAT_LETTERS.reduce(
  (format, [athena, duckdb]) => `replace(${format}, '${athena}', '${duckdb}')`,
  'f',
)

/**
 * DuckDB gives the place of an error inside a macro as if it were in the query. Behind so much space,
 * it is beyond the end of every query.
 */
const SPACE = ' '.repeat(MAX_SQL_CHARACTERS)

const MACROS = `
create macro from_unixtime(x) as
    make_timestamp(cast(round(cast(x as double) * 1000000) as bigint)),
  (x, zone) as timezone(zone, to_timestamp(cast(x as double)));
create macro to_unixtime(x) as epoch(x);
create macro date_format(t, f) as strftime(t, ${DATE_FORMAT});
create macro date_parse(s, f) as case f
  ${DATE_PARSE}
  else error('date_parse does not support the format ' || f) end;
create macro date_add(unit, n, t) as case lower(unit)
    when 'millisecond' then t + to_milliseconds(n)
    when 'second' then t + to_seconds(n)
    when 'minute' then t + to_minutes(n)
    when 'hour' then t + to_hours(n)
    when 'day' then t + to_days(cast(n as integer))
    when 'week' then t + to_weeks(cast(n as integer))
    when 'month' then t + to_months(cast(n as integer))
    when 'quarter' then t + to_months(3 * cast(n as integer))
    when 'year' then t + to_years(cast(n as integer))
    else error('date_add does not support the unit ' || unit) end,
  (t, i) as t + i;
create macro approx_distinct(x) as approx_count_distinct(x), (x, e) as approx_count_distinct(x);
create macro approx_percentile(x, p) as approx_quantile(x, p);
create macro json_extract_scalar(j, p) as
  case when json_type(j, p) in ('OBJECT', 'ARRAY', 'NULL') then null
  else json_extract_string(j, p) end;
create macro json_parse(s) as cast(s as json);
create macro json_format(j) as cast(j as varchar);
create macro json_size(j, p) as case json_type(j, p)
  when 'OBJECT' then len(json_keys(j, p))
  when 'ARRAY' then json_array_length(j, p) else 0 end;
create macro map_agg(k, v) as map(list(k), list(v));
create macro element_at(a, i) as a[i];
create macro cardinality(a) as len(a);
create macro array_join(a, sep) as array_to_string(a, sep);
create macro regexp_like(s, p) as regexp_matches(s, p);
create macro to_iso8601(t) as strftime(t, '%Y-%m-%dT%H:%M:%S.%g');
create macro from_iso8601_timestamp(s) as cast(s as timestamptz);
create macro from_iso8601_date(s) as cast(s as date);
create macro day_of_week(t) as isodow(t);
create macro day_of_month(t) as dayofmonth(t);
create macro day_of_year(t) as dayofyear(t);
create macro last_day_of_month(d) as last_day(d);
create macro rand() as random();
create macro sequence(a, b) as generate_series(a, b), (a, b, s) as generate_series(a, b, s);
create macro truncate(x) as trunc(x);
create macro is_nan(x) as isnan(x);
create macro geometric_mean(x) as geomean(x);
create macro to_utf8(s) as encode(s);
create macro from_utf8(b) as decode(b);
`

/** The statement that creates each of them. None uses another. */
const STATEMENTS: ReadonlyMap<string, string> = new Map(
  MACROS.split(/^(?=create macro )/m).flatMap((statement) => {
    const name = /^create macro (\w+)/.exec(statement)?.[1]
    return name === undefined ? [] : [[name, statement] as const]
  }),
)

/**
 * Statements of SQL that create the functions whose names occur in the text; empty if none does. To
 * create all of them would cost every query more than most queries themselves.
 */
export function athenaMacrosFor(sql: string): string {
  const words = new Set(sql.toLowerCase().match(/\w+/g))
  const needed = [...STATEMENTS].filter(([name]) => words.has(name))
  return needed.length === 0 ? '' : SPACE + needed.map(([, statement]) => statement).join('')
}

/** What to use in place of functions that have no equivalent as a macro. */
export const ATHENA_ADVICE: Readonly<Record<string, string>> = {
  parse_datetime: 'Use date_parse, or strptime with a format such as %Y-%m-%d.',
  format_datetime: 'Use date_format, or strftime with a format such as %Y-%m-%d.',
  transform: 'Use list_transform.',
  numeric_histogram: 'Use histogram.',
  parse_duration: 'Use an interval, such as interval 5 minutes.',
  checksum: 'Use bit_xor(hash(x)).',
}
