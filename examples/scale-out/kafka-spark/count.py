"""Counts what read.py has written.

    spark-submit count.py s3a://plant-3-telemetry/spark

Read the folder with Spark: it knows which files belong to finished batches. Other engines may also
see files of a batch that failed and was written again.
"""

import csv
import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

[_, folder] = sys.argv
spark = SparkSession.builder.appName("count").getOrCreate()
counts = (
    spark.read.parquet(f"{folder}/messages")
    .groupBy("channel")
    .agg(
        F.count("*").alias("messages"),
        F.countDistinct("connector", "log_id", "offset").alias("different"),
        F.min("offset").alias("first_offset"),
        F.max("offset").alias("last_offset"),
        F.sum("temperature").alias("temperature"),
    )
    .orderBy("channel")
)
output = csv.writer(sys.stdout)
output.writerow(counts.columns)
output.writerows(counts.collect())
spark.stop()
