"""Registers the Parquet objects that the connector has stored in S3 in an Iceberg table.

    pip install 'pyiceberg[pyarrow]'
    python iceberg.py s3://plant-3-telemetry/raw/plant-3 plant.telemetry

No data is copied. Run it as often as you like, one at a time: it adds the objects that are new. The
catalogue is the one that is called "lake" in ~/.pyiceberg.yaml or in environment variables such as
PYICEBERG_CATALOG__LAKE__URI. Credentials come from the environment, as for AWS's own tools.
AWS_ENDPOINT_URL names a service other than AWS.
"""

import sys

import pyarrow as pa
import pyarrow.fs as fs
import pyarrow.parquet as parquet
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import NamespaceAlreadyExistsError, NoSuchTableError
from pyiceberg.transforms import DayTransform, IdentityTransform

[_, folder, name] = sys.argv
filesystem, path = fs.FileSystem.from_uri(folder)
catalog = load_catalog("lake")


def objects():
    found = filesystem.get_file_info(fs.FileSelector(path, recursive=True))
    return [file.path for file in found if file.path.endswith(".parquet")]


def new_table(schema):
    try:
        catalog.create_namespace(name.rsplit(".", 1)[0])
    except NamespaceAlreadyExistsError:
        pass
    table = catalog.create_table(name, schema)
    # No object has messages of two channels or of two days, so the catalogue finds both in its
    # statistics. Queries then skip the objects of other channels and days.
    with table.update_spec() as spec:
        spec.add_field("channel", IdentityTransform(), "channel_partition")
        spec.add_field("arrival_time", DayTransform(), "day")
    return table


try:
    table = catalog.load_table(name)
    known = set(table.inspect.all_files()["file_path"].to_pylist())
except NoSuchTableError:
    table, known = None, set()
new = [file for file in objects() if f"s3://{file}" not in known]
if new:
    # Objects may have different columns.
    schema = pa.unify_schemas([parquet.read_schema(file, filesystem=filesystem) for file in new])
    if table is None:
        table = new_table(schema)
    else:
        with table.update_schema() as update:
            update.union_by_name(schema)
    table.add_files([f"s3://{file}" for file in new])
print(f"added {len(new)} objects to {name}")
