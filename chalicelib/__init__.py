"""Meterfold: usage billing on AWS Lambda and DynamoDB."""
