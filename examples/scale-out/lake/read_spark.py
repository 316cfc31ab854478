"""Reads with Spark what the connector has stored in S3 as Parquet.

    spark-submit --packages org.apache.hadoop:hadoop-aws:3.4.2 read_spark.py \
        s3://plant-3-telemetry/raw/plant-3

hadoop-aws has to have the version of Spark's Hadoop: 3.4.2 for Spark 4.1. Credentials and the
region come from the environment, as for AWS's own tools. AWS_ENDPOINT_URL names a service other
than AWS.
"""

import csv
import os
import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

[_, folder] = sys.argv
builder = SparkSession.builder.appName("lake").config("spark.sql.session.timeZone", "UTC")
if "AWS_ENDPOINT_URL" in os.environ:
    builder = builder.config("spark.hadoop.fs.s3a.endpoint", os.environ["AWS_ENDPOINT_URL"])
    builder = builder.config("spark.hadoop.fs.s3a.path.style.access", "true")
spark = builder.getOrCreate()

# mergeSchema: objects may have different columns. `channel` is in the path and in the files; Spark
# warns of that once, and takes the one in the path.
rows = spark.read.option("mergeSchema", "true").parquet(folder.replace("s3://", "s3a://", 1))
days = (
    rows.groupBy("channel", "dt")
    .agg(
        F.count("*").alias("messages"),
        F.countDistinct("connector", "log_id", "offset").alias("different"),
        F.min("offset").alias("first_offset"),
        F.max("offset").alias("last_offset"),
        F.sum("temperature").alias("temperature"),
        F.date_format(F.min("arrival_time"), "yyyy-MM-dd HH:mm:ss").alias("first_arrival"),
    )
    .orderBy("channel", "dt")
)
output = csv.writer(sys.stdout)
output.writerow(days.columns)
output.writerows(days.collect())
spark.stop()
