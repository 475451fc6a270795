"""The stand-in of the AWS Lambda API, and the runtime that calls the loader."""
