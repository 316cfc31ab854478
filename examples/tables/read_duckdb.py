"""Reads the messages of a channel from the Parquet files of analytics.tables, with DuckDB.

    pip install duckdb
    python read_duckdb.py data/tables/plant

It prints a line of JSON for each message.
"""

import sys

import duckdb

[_, folder] = sys.argv
# Files whose name begins with a dot are being written.
lines = duckdb.execute(
    """select to_json(message) from (
         select * replace (to_base64(payload) as payload)
         from read_parquet($files, union_by_name = true) order by "offset"
       ) message""",
    {"files": f"{folder}/__dt=*/[!.]*.parquet"},
)
for [line] in lines.fetchall():
    print(line)
