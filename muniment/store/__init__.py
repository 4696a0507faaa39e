"""The two stores: records (SQLite or PostgreSQL) and audit segments (Parquet, read by DuckDB)."""
