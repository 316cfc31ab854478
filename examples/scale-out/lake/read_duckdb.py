"""Reads with DuckDB what the connector has stored in S3 as Parquet.

    pip install duckdb s3fs
    python read_duckdb.py s3://plant-3-telemetry/raw/plant-3

Credentials come from the environment, as for AWS's own tools. AWS_ENDPOINT_URL names a service
other than AWS.
"""

import csv
import sys

import duckdb
import fsspec

[_, folder] = sys.argv
connection = duckdb.connect()
# DuckDB's own extension reads S3 faster. Where it can be downloaded, write instead:
#   connection.sql("INSTALL httpfs; LOAD httpfs; CREATE SECRET (TYPE s3, PROVIDER credential_chain)")
connection.register_filesystem(fsspec.filesystem("s3"))

# union_by_name: objects may have different columns. "offset" is a keyword, so it needs quotes.
rows = connection.execute(
    """
    SELECT channel, dt,
           count(*) AS messages,
           count(DISTINCT (connector, log_id, "offset")) AS different,
           min("offset") AS first_offset,
           max("offset") AS last_offset,
           sum(temperature) AS temperature,
           strftime(min(arrival_time) AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S') AS first_arrival
    FROM read_parquet(?, union_by_name = true, hive_partitioning = true)
    GROUP BY channel, dt
    ORDER BY channel, dt
    """,
    [f"{folder}/**/*.parquet"],
)
output = csv.writer(sys.stdout)
output.writerow(column[0] for column in rows.description)
output.writerows(rows.fetchall())
