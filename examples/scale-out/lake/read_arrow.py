"""Reads with Apache Arrow what the connector has stored in S3 as Parquet.

    pip install pyarrow
    python read_arrow.py s3://plant-3-telemetry/raw/plant-3

Credentials come from the environment, as for AWS's own tools. AWS_ENDPOINT_URL names a service
other than AWS. `dataset.to_table(filter=…).to_pandas()` gives a data frame.
"""

import sys

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.dataset as ds
import pyarrow.fs as fs

[_, folder] = sys.argv
filesystem, path = fs.FileSystem.from_uri(folder)

# `channel` is in the path and in the files. pyarrow.parquet.read_table(folder) and
# pandas.read_parquet(folder) refuse that; a dataset does not.
dataset = ds.dataset(path, filesystem=filesystem, partitioning=ds.partitioning(flavor="hive"))
# Objects may have different columns. By itself Arrow takes only those of the first one.
schemas = [fragment.physical_schema for fragment in dataset.get_fragments()]
dataset = dataset.replace_schema(pa.unify_schemas([dataset.schema, *schemas]))

place = ["channel", "dt"]
identity = ["connector", "log_id", "offset"]
table = dataset.to_table(columns=[*place, *identity, "arrival_time", "temperature"])
different = table.group_by([*place, *identity]).aggregate([]).group_by(place)
days = table.group_by(place).aggregate(
    [("offset", "count"), ("offset", "min"), ("offset", "max")]
    + [("temperature", "sum"), ("arrival_time", "min")]
)
days = days.join(different.aggregate([("offset", "count")]), place, right_suffix="_different")
days = days.sort_by([(name, "ascending") for name in place])
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
