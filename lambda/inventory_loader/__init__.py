"""Loads one inventory dump into the warehouse and answers with a receipt; refuses to import the rest of the house.

It is zipped for AWS Lambda on its own: boto3, DuckDB and the standard library are all that it may find there.
"""
