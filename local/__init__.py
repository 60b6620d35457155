"""The local server with its clock and kept data, the importer, the quickstart and the demo data. Never deployed."""
