"""Reads the messages of a channel from the Parquet files of analytics.tables, with Spark.

    spark-submit read_spark.py data/tables/plant

It prints a line of JSON for each message.
"""

import glob
import sys
from functools import reduce

from pyspark.sql import SparkSession

[_, folder] = sys.argv
builder = SparkSession.builder.appName("tables")
spark = builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()

# `spark.read.option("mergeSchema", "true").option("basePath", folder).parquet(folder + "/__dt=*")`
# is shorter. It refuses files of which an earlier one has whole numbers where a later one has
# fractions; a union takes them.
files = sorted(glob.glob(f"{folder}/__dt=*/*.parquet"))
parts = [spark.read.option("basePath", folder).parquet(file) for file in files]
rows = reduce(lambda all, part: all.unionByName(part, allowMissingColumns=True), parts)
for line in rows.orderBy("offset").toJSON().collect():
    print(line)
spark.stop()
