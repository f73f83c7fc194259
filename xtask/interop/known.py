"""What is refused or read otherwise for a reason, in words of docs/formats.md."""

# Of the public test sets: `(part of the path, outcome, reason)`.
SET_DIFFERENCES = [
    # parquet-testing
    (
        "data/dict-page-offset-zero.parquet",
        "refused",
        "a row group lacks `total_byte_size`, which the format requires",
    ),
    (
        "data/int96_from_spark.parquet",
        "refused",
        "twelve-byte timestamps beyond the years 1677 to 2262",
    ),
    (
        "data/large_string_map.brotli.parquet",
        "refused",
        "the strings of one row group of a list or map pass 2 GiB",
    ),
    (
        "data/nation.dict-malformed.parquet",
        "refused",
        "its dictionary is malformed; pyarrow reads it",
    ),
    ("data/null_list.parquet", "refused", "a column of nothing but nulls has no type"),
    (
        "data/repeated_no_annotation.parquet",
        "refused",
        "the footer says that there are no rows, the row group that there are six",
    ),
    ("parquet/alltypes-java.parquet", "refused", "a column of nothing but nulls has no type"),
    (
        "parquet/ARROW-17100.parquet",
        "refused",
        "pages of version 2 that are compressed and say that they are not, as PyArrow wrote them "
        "before 3.0",
    ),
    (
        "bad_data/ARROW-GH-43605.parquet",
        "read",
        "indices of no bits into a dictionary of one value, which pyarrow reads as well",
    ),
    # arrow-testing
    ("/1.0.0-bigendian/", "refused", "big-endian data"),
    ("/0.14.1/", "refused", "messages of Arrow before 0.15, which have no mark at their start"),
    ("/generated_interval", "refused", "intervals"),
    ("/generated_list_view", "refused", "list views"),
    ("/generated_null", "refused", "a column of nothing but nulls has no type"),
    ("/generated_run_end_encoded", "refused", "run ends"),
    ("/generated_union", "refused", "unions"),
    ("/generated_nested_dictionary", "refused", "a dictionary of lists of dictionaries"),
    ("/generated_duplicate_fieldnames", "refused", "two columns of one name"),
    # JSONTestSuite
    ("/n_single_space.json", "read", "as JSON lines a blank line and an empty file are no rows"),
    (
        "/n_structure_UTF8_BOM_no_data.json",
        "read",
        "as JSON lines a blank line and an empty file are no rows",
    ),
    ("/y_object_duplicated_key", "refused", "a key that stands twice makes a bad row"),
    # csv-spectrum
    (
        "/location_coordinates.csv",
        "differs",
        "the set's own JSON has another telephone number than its CSV",
    ),
]

# Of interop.py: `(parts of the line that tells of it, reason)`.
DIFFERENCES = [
    (
        ("date64[",),
        "Arrow's date64 is written to Parquet as integers, which Arrow's Rust library alone reads "
        "as dates",
    ),
    (
        ("written parquet", "DuckDB", "length["),
        "Parquet has no durations: others see integers of the column's unit",
    ),
    (
        ("written parquet", "Polars", "DeltaByteArray"),
        "Polars does not read delta encoded bytes of fixed length, which pages of version 2 have "
        "without dictionaries",
    ),
    (
        ("written avro", "Polars", "unsupported Avro codec"),
        "Polars has the codecs null, deflate and snappy alone",
    ),
    (
        ("written json", "decimal38["),
        "they read numbers as doubles, which have 17 digits; what velo wrote has all",
    ),
]
