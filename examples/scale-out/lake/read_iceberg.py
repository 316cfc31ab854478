"""Reads the Iceberg table that iceberg.py has made.

    pip install 'pyiceberg[pyarrow]'
    python read_iceberg.py plant.telemetry

Any engine that knows the catalogue can read it: Spark, Trino, Athena, DuckDB, Snowflake.
"""

import sys

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
from pyiceberg.catalog import load_catalog

[_, name] = sys.argv
identity = ("connector", "log_id", "offset")
scan = load_catalog("lake").load_table(name).scan(
    selected_fields=("channel", *identity, "arrival_time", "temperature")
)
table = scan.to_arrow()
day = pc.strftime(table["arrival_time"], format="%Y-%m-%d")
table = table.append_column("dt", day)

place = ["channel", "dt"]
different = table.group_by([*place, *identity]).aggregate([]).group_by(place)
days = table.group_by(place).aggregate(
    [("offset", "count"), ("offset", "min"), ("offset", "max")]
    + [("temperature", "sum"), ("arrival_time", "min")]
)
days = days.join(different.aggregate([("offset", "count")]), place, right_suffix="_different")
days = days.sort_by([(column, "ascending") for column in place])
columns = {
    "channel": days["channel"],
    "dt": days["dt"],
    "messages": days["offset_count"],
    "different": days["offset_count_different"],
    "first_offset": days["offset_min"],
    "last_offset": days["offset_max"],
    "temperature": days["temperature_sum"],
    "first_arrival": pc.strftime(days["arrival_time_min"], format="%Y-%m-%d %H:%M:%S"),
}
csv.write_csv(pa.table(columns), sys.stdout.buffer)
