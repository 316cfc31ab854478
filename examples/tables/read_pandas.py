"""Reads the messages of a channel from the Parquet files of analytics.tables, with pandas.

    pip install pandas pyarrow
    python read_pandas.py data/tables/plant

It prints a line of JSON for each message.
"""

import base64
import glob
import sys

import pyarrow as pa
import pyarrow.dataset as ds

[_, folder] = sys.argv
# Not the folder itself: pyarrow passes over folders that begin with an underscore. Files whose name
# begins with a dot are being written; glob leaves them out.
files = sorted(glob.glob(f"{folder}/__dt=*/*.parquet"))
days = ds.partitioning(pa.schema([("__dt", pa.date32())]), flavor="hive")
# File by file: later ones may have more columns, or fractions where earlier ones have whole numbers.
# Of several files at once, Arrow takes the columns of the first.
tables = [ds.dataset(file, partitioning=days).to_table() for file in files]
frame = pa.concat_tables(tables, promote_options="permissive").to_pandas().sort_values("offset")

# JSON has no bytes.
frame["payload"] = frame["payload"].map(lambda payload: base64.b64encode(payload).decode())
frame.to_json(sys.stdout, orient="records", lines=True, date_format="iso", date_unit="us")
