"""Copies with Spark what the connector writes to Kafka into Parquet files, as it arrives.

    spark-submit --packages org.apache.spark:spark-sql-kafka-0-10_2.13:4.1.1 read.py \
        kafka-1.example:9092 telemetry s3a://plant-3-telemetry/spark

The package has to have the version of Spark. With --once as the last argument the script ends when
it has read what is there. Start it again after a failure: it goes on where it was, and each message
is in the files once.
"""

import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

[brokers, topic, folder, *options] = sys.argv[1:]
builder = SparkSession.builder.appName("telemetry").config("spark.sql.session.timeZone", "UTC")
spark = builder.getOrCreate()

records = (
    spark.readStream.format("kafka")
    .option("kafka.bootstrap.servers", brokers)
    .option("subscribe", topic)
    .option("startingOffsets", "earliest")
    .option("includeHeaders", "true")
    # Without it Spark also reads what was written in transactions that were aborted.
    .option("kafka.isolation.level", "read_committed")
    .load()
)


def header(name):
    found = F.filter("headers", lambda entry: entry["key"] == name)
    return F.element_at(found, 1)["value"].cast("string")


names = ["connector", "channel", "log_id", "topic", "message_id", "content_type"]
messages = records.select(
    *[header(name).alias(name) for name in names],
    header("offset").cast("long").alias("offset"),
    header("arrival_time").cast("timestamp").alias("arrival_time"),
    F.col("value").alias("payload"),
    F.get_json_object(F.col("value").cast("string"), "$.temperature")
    .cast("double")
    .alias("temperature"),
).withColumn("dt", F.to_date("arrival_time"))

# A topic that is written without transactions may have a message twice, after a crash of the
# connector. Then add the next line; Spark keeps the identities of the last hour to compare with.
#   messages = messages.withWatermark("arrival_time", "1 hour").dropDuplicatesWithinWatermark(
#       ["connector", "log_id", "offset"])
writer = (
    messages.writeStream.format("parquet")
    .option("path", f"{folder}/messages")
    .option("checkpointLocation", f"{folder}/checkpoint")
    .partitionBy("channel", "dt")
)
if "--once" in options:
    writer = writer.trigger(availableNow=True)
else:
    writer = writer.trigger(processingTime="1 minute")
writer.start().awaitTermination()
