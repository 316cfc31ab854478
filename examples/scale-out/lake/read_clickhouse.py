"""Reads with ClickHouse's engine what the connector has stored in S3 as Parquet.

    pip install chdb
    python read_clickhouse.py s3://plant-3-telemetry/raw/plant-3

The query is the same on a ClickHouse server. Credentials and the region come from the environment,
as for AWS's own tools. AWS_ENDPOINT_URL names a service other than AWS.
"""

import os
import sys

import chdb

[_, folder] = sys.argv
region = os.environ.get("AWS_REGION", "us-east-1")
service = os.environ.get("AWS_ENDPOINT_URL", f"https://s3.{region}.amazonaws.com")
url = f"{service}/{folder.removeprefix('s3://')}/**/*.parquet"
names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
credentials = [os.environ[name] for name in names if name in os.environ]

# schema_inference_mode: objects may have different columns.
query = """
    SELECT channel, dt,
           count() AS messages,
           uniqExact(connector, log_id, offset) AS different,
           min(offset) AS first_offset,
           max(offset) AS last_offset,
           sum(temperature) AS temperature,
           formatDateTime(min(arrival_time), '%Y-%m-%d %H:%i:%S') AS first_arrival
    FROM s3({source})
    GROUP BY channel, dt
    ORDER BY channel, dt
    SETTINGS use_hive_partitioning = 1, schema_inference_mode = 'union'
"""
arguments = [url, *credentials, "Parquet"]
source = ", ".join("'" + argument.replace("'", "\\'") + "'" for argument in arguments)
print(chdb.query(query.format(source=source), "CSVWithNames"), end="")
